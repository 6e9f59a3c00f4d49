//! The shop's transactions: one function for each kind.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use super::{End, Worker, add};

type Outcome = Result<End, Error>;

/// Text that trips careless writers: quotes, a backslash, line ends, all lengths of UTF-8.
const TEXTS: [&str; 7] = [
    "plain",
    "it''s \"quoted\" \\\\ and\\nbroken\\tup",
    "Füße für Żółć",
    "杭州西湖",
    "😀👩‍👩‍👧 family",
    "",
    "trailing  ",
];

impl Worker {
    /// Runs one transaction's statements; `kind` is below 100.
    pub(super) async fn choose(&mut self, kind: u64, conn: &mut Conn) -> Outcome {
        match kind {
            0..24 => self.place_order(conn).await,
            24..36 => self.advance_order(conn).await,
            36..41 => self.delete_order(conn).await,
            41..48 => self.register_customer(conn).await,
            48..56 => self.edit_customer(conn).await,
            56..60 => self.change_keys(conn).await,
            60..67 => self.swap_unique(conn).await,
            67..78 => self.click(conn).await,
            78..82 => self.audit(conn).await,
            82..89 => self.hit_pages(conn).await,
            89..93 => self.upsert(conn).await,
            93..96 => self.savepoint(conn).await,
            96..98 => self.take_back(conn).await,
            98 => self.review(conn).await,
            _ => self.big(conn).await,
        }
    }

    /// Runs a statement and says how many rows it changed.
    async fn run_sql(&self, conn: &mut Conn, sql: String) -> Result<u64, Error> {
        conn.query_drop(sql).await?;
        Ok(conn.affected_rows())
    }

    async fn insert(&self, conn: &mut Conn, sql: String) -> Result<u64, Error> {
        let rows = self.run_sql(conn, sql).await?;
        add(&self.live.inserted, rows);
        Ok(rows)
    }

    async fn update(&self, conn: &mut Conn, sql: String) -> Result<u64, Error> {
        let rows = self.run_sql(conn, sql).await?;
        add(&self.live.updated, rows);
        Ok(rows)
    }

    async fn delete(&self, conn: &mut Conn, sql: String) -> Result<u64, Error> {
        let rows = self.run_sql(conn, sql).await?;
        add(&self.live.deleted, rows);
        Ok(rows)
    }

    /// A row near a random place of a table with a number as its key.
    async fn some_id(&mut self, conn: &mut Conn, table: &str) -> Result<u64, Error> {
        let last: Option<Option<u64>> = conn
            .query_first(format!("SELECT MAX(id) FROM {table}"))
            .await?;
        let start = self.below(last.flatten().unwrap_or(1)) + 1;
        let sql = format!("SELECT id FROM {table} WHERE id >= {start} ORDER BY id LIMIT 1");
        Ok(conn.query_first(sql).await?.unwrap_or(1))
    }

    fn text(&mut self) -> &'static str {
        TEXTS[self.below(TEXTS.len() as u64) as usize]
    }

    fn warehouse(&mut self) -> String {
        format!("'WH-{}'", char::from(b'A' + self.below(8) as u8))
    }

    async fn place_order(&mut self, conn: &mut Conn) -> Outcome {
        let (customer, unique) = (self.some_id(conn, "customers").await?, self.unique());
        let (text, total) = (self.text(), self.below(1_000_000));
        self.insert(
            conn,
            format!(
                "INSERT INTO orders (order_no, customer_id, total, note, placed_at) \
                 VALUES ('W-{unique}', {customer}, {total} / 100, NULLIF('{text}', ''), NOW(6))"
            ),
        )
        .await?;
        let order = conn.last_insert_id().unwrap_or(1);
        let lines = self.below(5) + 1;
        let first = self.below(4900) + 1;
        let items: Vec<_> = (0..lines)
            .map(|line| {
                let (quantity, price) = (self.below(9) + 1, self.below(100_000));
                let discount = if line == 2 { "NULL" } else { "0.125" };
                let product = first + line;
                format!(
                    "({order}, {}, {product}, {quantity}, {price} / 100, {discount})",
                    line + 1
                )
            })
            .collect();
        self.insert(
            conn,
            format!("INSERT INTO order_items VALUES {}", items.join(",")),
        )
        .await?;
        let warehouse = self.warehouse();
        self.update(
            conn,
            format!(
                "UPDATE stock SET quantity = quantity - 1, counted_at = NOW(3) \
                 WHERE warehouse_code = {warehouse} AND product_id BETWEEN {first} AND {}",
                first + lines - 1
            ),
        )
        .await?;
        if self.below(2) == 0 {
            let (high, low) = (self.rng_u64(), self.rng_u64());
            self.insert(
                conn,
                format!(
                    "INSERT INTO payments (order_id, reference, method, amount, paid_at) \
                     VALUES ({order}, X'{high:016X}{low:016X}', 'card', {total} / 1000000, NOW(6))"
                ),
            )
            .await?;
        }
        Ok(End::Commit)
    }

    fn rng_u64(&mut self) -> u64 {
        self.below(u64::MAX)
    }

    async fn advance_order(&mut self, conn: &mut Conn) -> Outcome {
        let order = self.some_id(conn, "orders").await?;
        let text = self.text();
        self.update(
            conn,
            format!(
                "UPDATE orders SET status = ELT(1 + {order} % 4, 'paid', 'shipped', 'done', 'cancelled'), \
                 total = total + 0.01, note = '{text}', changed_at = NOW(3) WHERE id = {order}"
            ),
        )
        .await?;
        if self.below(3) == 0 {
            let (unique, label) = (self.unique(), self.rng_u64());
            self.insert(
                conn,
                format!(
                    "INSERT INTO shipments VALUES ('W{unique}', {order}, 'DHL', X'00275C{label:016X}', NOW(), \
                     SEC_TO_TIME({} + 0.000125))",
                    label % 800_000
                ),
            )
            .await?;
        }
        Ok(End::Commit)
    }

    async fn delete_order(&mut self, conn: &mut Conn) -> Outcome {
        let order = self.some_id(conn, "orders").await?;
        for table in ["order_items", "payments", "shipments"] {
            self.delete(
                conn,
                format!("DELETE FROM {table} WHERE order_id = {order}"),
            )
            .await?;
        }
        self.delete(conn, format!("DELETE FROM orders WHERE id = {order}"))
            .await?;
        Ok(End::Commit)
    }

    async fn register_customer(&mut self, conn: &mut Conn) -> Outcome {
        let (unique, text, set) = (self.unique(), self.text(), self.below(32));
        let loyalty = match self.below(3) {
            0 => "NULL".to_owned(),
            _ => (1_000_000 + self.below(1_000_000_000)).to_string(),
        };
        self.insert(
            conn,
            format!(
                "INSERT INTO customers (email, loyalty_no, name, credit, born_on, interests, profile) VALUES \
                 ('w{unique}@example.com', {loyalty}, '{text}', -{set}.0625, '1999-12-31', {set}, \
                  JSON_OBJECT('nick', '{text}', 'level', {set}, 'list', JSON_ARRAY(1, NULL, 2.5)))"
            ),
        )
        .await?;
        let customer = conn.last_insert_id().unwrap_or(1);
        let rows = self.below(3);
        for _ in 0..rows {
            self.insert(
                conn,
                format!(
                    "INSERT INTO addresses (customer_id, street, city, latitude, longitude) \
                     VALUES ({customer}, '{text}', '杭州', {set} / 3, -{set} / 7)"
                ),
            )
            .await?;
        }
        Ok(End::Commit)
    }

    async fn edit_customer(&mut self, conn: &mut Conn) -> Outcome {
        let customer = self.some_id(conn, "customers").await?;
        let (unique, text, number) = (self.unique(), self.text(), self.below(1000));
        let set = match self.below(5) {
            0 => format!("email = 'moved-{unique}@example.com', is_vip = 1 - is_vip"),
            1 => "loyalty_no = NULL, born_on = NULL, interests = NULL".to_owned(),
            2 => format!(
                "loyalty_no = {}, status = 'active'",
                2_000_000_000 - self.below(900_000_000)
            ),
            3 => format!("profile = JSON_OBJECT('n', {number}, 't', '{text}'), name = '{text}'"),
            _ => format!("credit = credit * -1 + {number}.0001, interests = {number} % 32"),
        };
        self.update(
            conn,
            format!("UPDATE customers SET {set} WHERE id = {customer}"),
        )
        .await?;
        Ok(End::Commit)
    }

    /// Primary keys that change, in one column and in several.
    async fn change_keys(&mut self, conn: &mut Conn) -> Outcome {
        let unique = self.unique();
        let changed = match self.below(4) {
            0 => {
                let row = self.below(1000);
                self.update(conn, format!("UPDATE coupons SET code = 'Moved-{unique}' WHERE slot >= {row} ORDER BY slot LIMIT 1"))
                    .await?
            }
            1 => {
                let order = self.some_id(conn, "orders").await?;
                self.update(conn, format!("UPDATE order_items SET line_no = line_no + 40 WHERE order_id = {order} AND line_no < 40 ORDER BY line_no DESC"))
                    .await?
            }
            2 => {
                let row = self.below(300);
                self.update(
                    conn,
                    format!(
                        "UPDATE settings SET name = 'moved.{unique}' WHERE name = 'setting.{row}'"
                    ),
                )
                .await?
            }
            // A day forth: its neighbour moves away first.
            _ => {
                let day = 2000 + self.below(100_000);
                self.update(
                    conn,
                    format!(
                        "UPDATE exchange_rates SET day = DATE_ADD(day, INTERVAL 1 DAY) WHERE currency = 'EUR' \
                         AND day >= DATE_ADD('2020-01-01', INTERVAL {day} % 2000 DAY) ORDER BY day DESC LIMIT 5"
                    ),
                )
                .await?
            }
        };
        add(&self.live.key_changes, changed);
        Ok(End::Commit)
    }

    /// Unique values that move between rows within one transaction.
    async fn swap_unique(&mut self, conn: &mut Conn) -> Outcome {
        let (table, column) = match self.below(2) {
            0 => ("coupons", "slot"),
            _ => ("stock", "shelf"),
        };
        let start = self.below(if table == "coupons" { 700 } else { 39_000 });
        let sql = format!(
            "SELECT {column} FROM {table} WHERE {column} >= {start} ORDER BY {column} LIMIT 2 FOR UPDATE"
        );
        let values: Vec<i64> = conn.query(sql).await?;
        let [a, b] = values[..] else {
            return Ok(End::Rollback);
        };
        if table == "coupons" && self.below(3) == 0 {
            // The value of a deleted row goes to a new one.
            let unique = self.unique();
            self.delete(conn, format!("DELETE FROM coupons WHERE slot = {a}"))
                .await?;
            self.insert(conn, format!("INSERT INTO coupons VALUES ('Heir-{unique}', {a}, 12.50, '2024-02-29', NULL, 1)"))
                .await?;
        } else {
            // Through a value of their own, since no two rows may have the same at any time.
            let parked = -1 - a;
            for (from, to) in [(a, parked), (b, a), (parked, b)] {
                let sql = format!("UPDATE {table} SET {column} = {to} WHERE {column} = {from}");
                self.update(conn, sql).await?;
            }
        }
        add(&self.live.swaps, 1);
        Ok(End::Commit)
    }

    /// The table without any key: equal rows come, change one by one, and go.
    async fn click(&mut self, conn: &mut Conn) -> Outcome {
        let session = self.below(4000);
        let copies = self.below(4) + 1;
        let page = self.below(20);
        let row = format!("('s{session}', NULL, '/w/{page}', {page}, '2024-06-01 00:00:00.250')");
        match self.below(6) {
            0..3 => {
                let rows = vec![row; copies as usize].join(",");
                self.insert(conn, format!("INSERT INTO clicks VALUES {rows}"))
                    .await?
            }
            3 => {
                self.update(conn, format!("UPDATE clicks SET took_ms = COALESCE(took_ms, 0) + 1 WHERE session_id = 's{session}' LIMIT {copies}"))
                    .await?
            }
            4 => {
                self.delete(
                    conn,
                    format!("DELETE FROM clicks WHERE session_id = 's{session}' LIMIT {copies}"),
                )
                .await?
            }
            _ => {
                self.insert(
                    conn,
                    format!("INSERT INTO clicks VALUES {row}, {row}, {row}"),
                )
                .await?;
                self.delete(
                    conn,
                    format!("DELETE FROM clicks WHERE session_id = 's{session}' LIMIT 2"),
                )
                .await?
            }
        };
        Ok(End::Commit)
    }

    /// The table whose only key may be NULL.
    async fn audit(&mut self, conn: &mut Conn) -> Outcome {
        let (number, text) = (self.below(2_000_000_000), self.text());
        let event = if self.below(2) == 0 {
            "NULL".into()
        } else {
            number.to_string()
        };
        match self.below(4) {
            0..2 => {
                self.insert(conn, format!("INSERT INTO audit_log VALUES ({event}, 'w', '{text}', JSON_OBJECT('n', {number}), X'0027', NOW())"))
                    .await?
            }
            2 => {
                let event = self.below(4000) * 2;
                self.update(conn, format!("UPDATE audit_log SET event_no = NULL, actor = '{text}' WHERE event_no = {event}"))
                    .await?
            }
            _ => {
                let actor = self.below(20);
                self.delete(conn, format!("DELETE FROM audit_log WHERE event_no IS NULL AND actor = 'actor{actor}' LIMIT 1"))
                    .await?
            }
        };
        Ok(End::Commit)
    }

    /// A few rows that everybody changes.
    async fn hit_pages(&mut self, conn: &mut Conn) -> Outcome {
        for _ in 0..=self.below(3) {
            let page = self.below(16);
            self.update(
                conn,
                format!("UPDATE page_hits SET hits = hits + 1, seconds = seconds + 0.1, last_hit = NOW(6) WHERE page = {page}"),
            )
            .await?;
        }
        Ok(End::Commit)
    }

    async fn upsert(&mut self, conn: &mut Conn) -> Outcome {
        let (number, text) = (self.below(6000), self.text());
        if self.below(2) == 0 {
            self.insert(
                conn,
                format!(
                    "INSERT INTO exchange_rates VALUES ('USD', DATE_ADD('2020-01-01', INTERVAL {number} DAY), 1.5, NULL) \
                     ON DUPLICATE KEY UPDATE rate = rate + 0.000000000001, source = LEFT('{text}', 20)"
                ),
            )
            .await?;
        } else {
            let name = number % 400;
            self.insert(
                conn,
                format!("REPLACE INTO settings VALUES ('setting.{name}', REPEAT('{text} ', {name}), NULL, {number})"),
            )
            .await?;
        }
        Ok(End::Commit)
    }

    async fn savepoint(&mut self, conn: &mut Conn) -> Outcome {
        let product = self.some_id(conn, "products").await?;
        self.update(
            conn,
            format!("UPDATE products SET price = price + 1 WHERE id = {product}"),
        )
        .await?;
        conn.query_drop("SAVEPOINT half").await?;
        self.update(
            conn,
            format!("UPDATE products SET price = 0, weight_kg = NULL WHERE id = {product}"),
        )
        .await?;
        self.click(conn).await?;
        conn.query_drop("ROLLBACK TO SAVEPOINT half").await?;
        self.update(
            conn,
            format!("UPDATE products SET flags = flags ^ 5, is_active = NOT is_active, weight_kg = weight_kg * 1.1, volume_m3 = volume_m3 / 3, \
                     launched = IF(launched = 2049, 1990, launched + 1) WHERE id = {product}"),
        )
        .await?;
        Ok(End::Commit)
    }

    async fn take_back(&mut self, conn: &mut Conn) -> Outcome {
        self.place_order(conn).await?;
        self.change_keys(conn).await?;
        Ok(End::Rollback)
    }

    async fn review(&mut self, conn: &mut Conn) -> Outcome {
        let product = self.some_id(conn, "products").await?;
        let customer = self.some_id(conn, "customers").await?;
        let text = self.text();
        self.insert(
            conn,
            format!(
                "INSERT INTO reviews (product_id, customer_id, stars, body, score, written_on) \
                 VALUES ({product}, {customer}, {product} % 6, REPEAT('{text} ', 300), {customer} / 3, NOW()) \
                 ON DUPLICATE KEY UPDATE stars = stars + 1, score = score / 7"
            ),
        )
        .await?;
        Ok(End::Commit)
    }

    /// Some hundreds of rows in several tables at once.
    async fn big(&mut self, conn: &mut Conn) -> Outcome {
        let session = self.below(4000);
        let rows: Vec<_> = (0..400)
            .map(|row| {
                format!(
                    "('s{session}', {row}, '/big/{}', {row}, '2024-07-01')",
                    row / 3
                )
            })
            .collect();
        self.insert(
            conn,
            format!("INSERT INTO clicks VALUES {}", rows.join(",")),
        )
        .await?;
        let (warehouse, first) = (self.warehouse(), self.below(4500));
        self.update(
            conn,
            format!(
                "UPDATE stock SET reserved = (reserved + 1) % 60000, counted_at = NOW(3) \
                 WHERE warehouse_code = {warehouse} AND product_id BETWEEN {first} AND {}",
                first + 500
            ),
        )
        .await?;
        self.delete(
            conn,
            format!(
                "DELETE FROM clicks WHERE session_id = 's{session}' AND url LIKE '/big/%' LIMIT 300"
            ),
        )
        .await?;
        add(&self.live.big, 1);
        Ok(End::Commit)
    }
}
