//! The disk under the Store is full: a clear end, and nothing is lost when there is room again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, Workload, WorkloadOptions, same_rows};

/// A small disk, where the machine lets us have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder to mount on");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(path)
            .status();
        status
            .is_ok_and(|s| s.success())
            .then(|| Self(path.to_owned()))
    }

    fn resize(&self, size: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.0)
            .status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "cannot resize {}",
            self.0.display()
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_store() {
    let options = Options::default;
    let [source, target] = start_all([(Kind::MySql, options()), (Kind::MariaDb, options())]).await;
    source.load_shop().await;
    let mut migration = Migration::shop(&source, &target);
    let data = migration.path().join("data");
    migration = migration.arg("--data-dir").arg(data.display().to_string());
    // Without the right to mount, a limit of the size of files does nearly the same.
    let disk = SmallDisk::mount(&data, "3m");
    if disk.is_none() {
        migration =
            migration.through(&["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=3145728"]);
    }
    let load = Workload::start(source.url(), WorkloadOptions::default());
    let failed = migration
        .start("forever")
        .ended(Duration::from_secs(240))
        .await
        .expect(3);
    load.stop().await;
    let error = failed.json()["error"].clone();
    assert_eq!(error["errorCode"], "STO-0001", "{failed}");
    assert!(
        error["proposal"]
            .as_str()
            .is_some_and(|p| p.contains("space")),
        "{failed}"
    );

    match &disk {
        Some(disk) => disk.resize("1g"),
        None => migration = migration.through(&[]),
    }
    let rest = migration.caught_up().await.expect(0).json();
    assert_eq!(rest["differences"], 0, "{rest:#}");
    same_rows(&source, &target, "shop").await;
}
