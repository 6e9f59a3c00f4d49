//! Tables of all kinds, made at random.

use super::{mariadb, mysql, oceanbase};
use crate::datasource::mysql::ddl::*;
use crate::model::ddl::{Definition, Dialect, Family, parse_definition};
use crate::model::table::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn column_type() -> impl Strategy<Value = ColumnType> {
    prop_oneof![
        (
            prop::sample::select(vec![1_u8, 2, 3, 4, 8]),
            any::<bool>(),
            prop::option::of(1_u8..20),
            any::<bool>()
        )
            .prop_map(|(bytes, unsigned, width, zerofill)| ColumnType::Int {
                bytes,
                unsigned: unsigned || zerofill,
                width: if zerofill {
                    Some(width.unwrap_or(5))
                } else {
                    width
                },
                zerofill,
            }),
        (1_u8..65, any::<bool>()).prop_map(|(precision, unsigned)| ColumnType::Decimal {
            precision,
            scale: precision.min(30) / 2,
            unsigned,
            zerofill: false
        }),
        any::<bool>().prop_map(|unsigned| ColumnType::Float {
            unsigned,
            digits: None
        }),
        prop::option::of(Just((9_u8, 3_u8))).prop_map(|digits| ColumnType::Double {
            unsigned: false,
            digits
        }),
        (1_u8..64).prop_map(ColumnType::Bit),
        (0_u32..255).prop_map(ColumnType::Char),
        (0_u32..16_000).prop_map(ColumnType::Varchar),
        (0_u32..255).prop_map(ColumnType::Binary),
        (0_u32..65_535).prop_map(ColumnType::Varbinary),
        (1_u8..5).prop_map(ColumnType::Text),
        (1_u8..5).prop_map(ColumnType::Blob),
        prop::collection::vec("\\PC{0,8}[^ \\p{C}]", 1..4).prop_map(ColumnType::Enum),
        prop::collection::vec("[a-z'\\\\\"`]{0,8}", 1..4).prop_map(ColumnType::Set),
        Just(ColumnType::Json),
        Just(ColumnType::Date),
        (0_u8..7).prop_map(ColumnType::Time),
        (0_u8..7).prop_map(ColumnType::Datetime),
        (0_u8..7).prop_map(ColumnType::Timestamp),
        Just(ColumnType::Year),
        Just(ColumnType::Other("geometry".into())),
        Just(ColumnType::Other("point srid 4326".into())),
    ]
}

fn default_value() -> impl Strategy<Value = Option<DefaultValue>> {
    prop_oneof![
        Just(None),
        Just(Some(DefaultValue::Null)),
        "\\PC{0,12}".prop_map(|t| Some(DefaultValue::Literal(t))),
        "[\\x00-\\x7f]{0,12}".prop_map(|t| Some(DefaultValue::Literal(t))),
        (0_u8..7).prop_map(|n| Some(DefaultValue::Now(n))),
        Just(Some(DefaultValue::Bits("b'01'".into()))),
        Just(Some(DefaultValue::Expression(
            "uuid() || ')' || f(\"(\")".into()
        ))),
    ]
}

prop_compose! {
    fn column()(
        ty in column_type(),
        nullable in any::<bool>(),
        default in default_value(),
        on_update in prop::option::of(0_u8..7),
        generated in prop::option::of(any::<bool>()),
        comment in "\\PC{0,10}",
        invisible in any::<bool>(),
        latin in any::<bool>(),
    ) -> Column {
        let character = ty.is_character();
        let (charset, collation) = if latin { ("latin1", "latin1_bin") } else { ("utf8mb4", "utf8mb4_0900_ai_ci") };
        let default = if generated.is_some() { None } else { default };
        Column {
            name: String::new(),
            ty,
            nullable,
            default: default.filter(|d| nullable || *d != DefaultValue::Null),
            on_update_now: on_update.filter(|_| generated.is_none()),
            auto_increment: false,
            generated: generated.map(|stored| Generated { expression: "concat(`x y`, '),(')".into(), stored }),
            comment,
            charset: character.then(|| charset.to_owned()),
            collation: character.then(|| collation.to_owned()),
            invisible,
        }
    }
}

prop_compose! {
    fn table()(
        mut columns in prop::collection::vec((column(), "\\PC{1,12}"), 1..6),
        comment in "\\PC{0,12}",
        auto_increment in prop::option::of(1_u64..),
        kinds in prop::collection::vec((prop::sample::select(vec![KeyKind::Unique, KeyKind::Index, KeyKind::Fulltext, KeyKind::Spatial]), prop::option::of(1_u32..99), any::<bool>(), "\\PC{0,9}"), 0..4),
        check in prop::option::of(any::<bool>()),
        foreign in any::<bool>(),
    ) -> Table {
        for (at, (column, name)) in columns.iter_mut().enumerate() {
            column.name = format!("{at}{name}");
        }
        let columns: Vec<Column> = columns.into_iter().map(|(c, _)| c).collect();
        let key = |(at, (kind, prefix, descending, comment)): (usize, (KeyKind, Option<u32>, bool, String))| Key {
            name: format!("k`{at}"),
            kind,
            parts: vec![
                KeyPart { what: KeyWhat::Column(columns[0].name.clone()), prefix, descending },
                KeyPart { what: KeyWhat::Expression("a + (b)".into()), prefix: None, descending: false },
            ],
            comment,
        };
        Table {
            name: TableName::new("d", "t` a"),
            keys: kinds.into_iter().enumerate().map(key).collect(),
            foreign_keys: foreign.then(|| ForeignKey {
                name: "f k".into(),
                columns: vec![columns[0].name.clone()],
                references: TableName::new("o", "p"),
                ref_columns: vec!["x".into()],
                on_delete: Some("SET NULL".into()),
                on_update: None,
            }).into_iter().collect(),
            checks: check.map(|enforced| Check { name: Some("c".into()), expression: "a > (1)".into(), enforced }).into_iter().collect(),
            columns,
            charset: "utf8mb4".into(),
            collation: "utf8mb4_0900_ai_ci".into(),
            comment,
            auto_increment,
            partition: None,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(table in table()) {
        let sql = create_table_like(&table, &BTreeMap::new(), &mysql());
        let mut back = parse_definition(&sql, &table.name, &mysql().dialect).expect(&sql).table;
        // the server makes the key beneath a foreign key by itself
        back.keys.truncate(table.keys.len());
        prop_assert_eq!(&back, &table, "{}", sql);
    }

    #[test]
    fn what_is_converted_fits_the_target(table in table()) {
        let definition = Definition { table, parsers: BTreeMap::new(), invisible_keys: vec![], engine: None };
        for target in [mysql(), mariadb(), oceanbase()] {
            let converted = convert(&definition, Family::MySql, &target).expect("all types are known").table;
            let sql = create_table(&converted, &target);
            // what is written is plain SQL, not what an OceanBase prints
            let dialect = Dialect::new(Family::MySql, &target.dialect.utf8mb4_collation);
            let back = parse_definition(&sql, &converted.name, &dialect).expect(&sql).table;
            prop_assert_eq!(differences(&converted, &back, Scope::Rows), Vec::<String>::new(), "{}", sql);
            for column in &back.columns {
                prop_assert!(column.collation.as_ref().is_none_or(|c| target.knows(c)));
            }
        }
    }
}
