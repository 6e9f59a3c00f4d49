-- Fills the sample shop with about 340,000 rows, the same ones every time, in a few seconds.
-- Runs on MySQL 9.7 and MariaDB 10.11, after schema.sql.

SET NAMES utf8mb4;
USE shop;
SET SESSION time_zone = '+00:00';

CREATE TABLE seed_numbers (n INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
CREATE TABLE seed_digits (d INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO seed_digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO seed_numbers
SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d
FROM seed_digits a, seed_digits b, seed_digits c, seed_digits d, seed_digits e;

INSERT INTO categories (id, parent_id, slug, name, position)
SELECT n + 1, NULL, CONCAT('category-', n), ELT(n % 4 + 1, 'Books', 'Füße & Schuhe', '厨房用品', 'Déjà vu'), n % 100
FROM seed_numbers WHERE n < 40;
UPDATE categories SET parent_id = (id - 2) DIV 3 + 1 WHERE id > 1;

INSERT INTO products (id, sku, category_id, title, description, price, weight_kg, volume_m3, attributes, launched,
                      thumbnail, is_active, flags, stock_limit)
SELECT n + 1, CONCAT('SKU', LPAD(n, 8, '0')), n % 40 + 1,
       CONCAT(ELT(n % 5 + 1, 'Lamp', 'Stuhl', '茶壶', 'Crème brûlée', 'Robot 🤖'), ' no. ', n),
       CASE WHEN n % 7 = 0 THEN NULL WHEN n % 7 = 1 THEN ''
            ELSE CONCAT('It''s "good"\\\n', REPEAT(CONCAT('line ', n, '; '), n % 12)) END,
       (n * 37 % 99991) / 100, CASE WHEN n % 9 = 0 THEN NULL ELSE n * 37e-2 END, n * 1e-3 / 7e0,
       CASE WHEN n % 6 = 0 THEN NULL
            ELSE CONCAT('{"colour": "', ELT(n % 3 + 1, 'red', 'grün', '蓝'), '", "size": ', n % 50,
                        ', "tags": ["a", ', n % 10, ', null, true], "ratio": ', n % 8, '.5}') END,
       1990 + n % 60, UNHEX(SUBSTR(SHA2(n, 256), 1, 2 * (n % 32))), n % 11 <> 0, n % 4096, n % 100000
FROM seed_numbers WHERE n < 5000;

INSERT INTO customers (id, email, loyalty_no, name, country, is_vip, credit, born_on, status, interests, profile,
                       created_at, updated_at)
SELECT n + 1, CONCAT('user', n, '@example.com'), CASE WHEN n % 3 = 0 THEN NULL ELSE n * 2 - 20000 END,
       CONCAT(ELT(n % 6 + 1, 'Zoë', '王小明', 'O''Brien', 'Łukasz', 'Анна', '😀 Smile'), ' ', n),
       ELT(n % 5 + 1, 'CN', 'DE', 'FR', 'US', 'BR'), n % 20 = 0, (n * 7919 % 20000001 - 10000000) * 0.0001,
       CASE WHEN n % 13 = 0 THEN NULL ELSE DATE_ADD('1940-01-01', INTERVAL n % 25000 DAY) END,
       ELT(n % 4 + 1, 'new', 'active', 'blocked', 'closed'), CASE WHEN n % 17 = 0 THEN NULL ELSE n % 32 END,
       CASE WHEN n % 4 = 0 THEN NULL ELSE CONCAT('{"level": ', n % 9, ', "nick": "n', n, '"}') END,
       DATE_ADD('2020-01-01 00:00:00.000001', INTERVAL n * 7001 SECOND),
       DATE_ADD('2021-06-01 12:00:00', INTERVAL n SECOND)
FROM seed_numbers WHERE n < 20000;

INSERT INTO addresses (customer_id, kind, street, city, postcode, latitude, longitude)
SELECT n % 20000 + 1, ELT(n % 3 + 1, 'home', 'work', 'other'), CONCAT(n % 300 + 1, ' Rue de l''Été'),
       ELT(n % 4 + 1, '杭州', 'München', 'São Paulo', 'Paris'), CASE WHEN n % 10 = 0 THEN NULL ELSE LPAD(n, 5, '0') END,
       -90 + n % 18000 * 1e-2, n / 3e0
FROM seed_numbers WHERE n < 25000;

INSERT INTO warehouses (code, city, opens_at, closes_at, capacity)
SELECT CONCAT('WH-', CHAR(65 + n USING utf8mb4)), ELT(n % 3 + 1, '杭州', 'Köln', 'Lyon'),
       SEC_TO_TIME(21600 + n * 900), SEC_TO_TIME(64800 + n * 7.125), n * 1000000000000
FROM seed_numbers WHERE n < 8;

INSERT INTO stock (warehouse_code, product_id, quantity, reserved, shelf, counted_at)
SELECT CONCAT('WH-', CHAR(65 + n DIV 5000 USING utf8mb4)), n % 5000 + 1, n * 31 % 1000 - 50, n % 60,
       CASE WHEN n % 5 = 0 THEN NULL ELSE n END,
       CASE WHEN n % 8 = 0 THEN NULL ELSE DATE_ADD('2023-01-01 06:00:00.125', INTERVAL n MINUTE) END
FROM seed_numbers WHERE n < 40000;

INSERT INTO orders (id, order_no, customer_id, status, total, note, placed_at, changed_at)
SELECT n + 1, CONCAT('A-', LPAD(n, 9, '0')), n * 17 % 20000 + 1,
       ELT(n % 5 + 1, 'open', 'paid', 'shipped', 'done', 'cancelled'), (n * 131 % 500000) / 100,
       CASE WHEN n % 4 = 0 THEN CONCAT('leave at door ', n, '\t✓') END,
       DATE_ADD('2022-01-01 00:00:00.5', INTERVAL n * 601 SECOND),
       CASE WHEN n % 3 > 0 THEN DATE_ADD('2022-01-02 00:00:00.125', INTERVAL n * 601 SECOND) END
FROM seed_numbers WHERE n < 40000;

INSERT INTO order_items (order_id, line_no, product_id, quantity, price, discount)
SELECT n DIV 5 * 2 + 1 + (n % 5 > 2), n % 5 + 1, n * 13 % 5000 + 1, n % 9 + 1, (n * 71 % 100000) / 100,
       CASE WHEN n % 6 = 0 THEN (n % 5000) / 10000 END
FROM seed_numbers WHERE n < 100000;

INSERT INTO payments (order_id, reference, method, amount, paid_at)
SELECT n + 1, UNHEX(SUBSTR(SHA2(CONCAT('p', n), 256), 1, 32)), ELT(n % 4 + 1, 'card', 'transfer', 'cash', 'voucher'),
       n * 131 % 500000 * 0.01 + n % 100 * 0.000001,
       CASE WHEN n % 10 > 0 THEN DATE_ADD('2022-01-01 01:02:03.456789', INTERVAL n * 601 SECOND) END
FROM seed_numbers WHERE n < 30000;

INSERT INTO shipments (tracking, order_id, carrier, label, sent_at, took)
SELECT CONCAT('T', LPAD(n * 7919 % 1000003, 10, '0'), '-', n), n + 1, ELT(n % 3 + 1, 'post', 'DHL', '顺丰'),
       CASE WHEN n % 3 = 0 THEN UNHEX(CONCAT('00FF', SHA2(n, 512))) END,
       DATE_ADD('2022-01-03 00:00:00', INTERVAL n * 601 SECOND),
       CASE WHEN n % 5 > 0 THEN SEC_TO_TIME(n * 60.000125) END
FROM seed_numbers WHERE n < 20000;

INSERT INTO reviews (product_id, customer_id, stars, body, score, written_on)
SELECT n % 5000 + 1, n * 3 % 20000 + 1, n % 5 + 1, REPEAT(CONCAT('Very nice! 很好。 ', n, ' '), n % 6), n / 11e0,
       DATE_ADD('2022-02-01', INTERVAL n % 700 DAY)
FROM seed_numbers WHERE n < 15000;

INSERT INTO coupons (code, slot, percent, valid_from, valid_to, uses_left)
SELECT CONCAT(CASE WHEN n % 2 = 0 THEN 'Save-' ELSE 'SAVE-' END, n DIV 2), CASE WHEN n % 4 = 3 THEN NULL ELSE n END,
       n % 60 + 0.25, DATE_ADD('2023-01-01', INTERVAL n DAY),
       CASE WHEN n % 3 = 0 THEN NULL ELSE DATE_ADD('2030-01-01', INTERVAL n DAY) END, n * 10
FROM seed_numbers WHERE n < 1000;

INSERT INTO exchange_rates (currency, day, rate, source)
SELECT ELT(n % 3 + 1, 'USD', 'EUR', 'JPY'), DATE_ADD('2020-01-01', INTERVAL n DIV 3 DAY), 1 + n * 0.001023541453,
       CASE WHEN n % 50 = 0 THEN NULL ELSE 'central bank' END
FROM seed_numbers WHERE n < 6000;

INSERT INTO settings (name, value, payload, version)
SELECT CONCAT('setting.', n), CASE WHEN n % 5 = 0 THEN NULL ELSE REPEAT(CONCAT('value ', n, ' ü '), n % 200) END,
       CASE WHEN n % 4 = 0 THEN UNHEX(REPEAT(SHA2(n, 256), n % 90)) END, n
FROM seed_numbers WHERE n < 300;

INSERT INTO page_hits (page, hits, seconds)
SELECT n, n * 1000000007 * 100003, n / 3e0 FROM seed_numbers WHERE n < 16;

INSERT INTO clicks (session_id, customer_id, url, took_ms, clicked_at)
SELECT CONCAT('s', n DIV 8), CASE WHEN n % 3 = 0 THEN NULL ELSE n % 20000 + 1 END, CONCAT('/product/', n DIV 4 % 500),
       CASE WHEN n % 9 = 0 THEN NULL ELSE n DIV 4 % 900 END,
       DATE_ADD('2024-01-01 00:00:00.001', INTERVAL n DIV 4 SECOND)
FROM seed_numbers WHERE n < 30000;

INSERT INTO audit_log (event_no, actor, action, details, raw, noted_at)
SELECT CASE WHEN n % 2 = 0 THEN n END, CASE WHEN n % 7 = 0 THEN NULL ELSE CONCAT('actor', n % 20) END,
       ELT(n % 3 + 1, 'login', 'logout', 'export'), CASE WHEN n % 2 = 0 THEN CONCAT('{"n": ', n, '}') END,
       CASE WHEN n % 5 = 0 THEN UNHEX('00270A5C1A22') END,
       DATE_ADD('2024-01-01 00:00:00', INTERVAL n DIV 10 SECOND)
FROM seed_numbers WHERE n < 8000;

DROP TABLE seed_numbers;
DROP TABLE seed_digits;
