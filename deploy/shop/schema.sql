-- A sample shop: the common column types, kinds of keys, a view, two tables without a primary key.
-- Runs on MySQL 9.7 and MariaDB 10.11. The database is made anew.

SET NAMES utf8mb4;
DROP DATABASE IF EXISTS shop;
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;

CREATE TABLE categories (
  id        SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  parent_id SMALLINT UNSIGNED NULL,
  slug      VARCHAR(60) NOT NULL,
  name      VARCHAR(80) NOT NULL,
  position  TINYINT NOT NULL DEFAULT -1,
  PRIMARY KEY (id),
  UNIQUE KEY uk_slug (slug),
  KEY k_parent (parent_id),
  CONSTRAINT fk_categories_parent FOREIGN KEY (parent_id) REFERENCES categories (id)
) ENGINE = InnoDB COMMENT = 'a tree; the root has no parent';

CREATE TABLE products (
  id          INT UNSIGNED NOT NULL AUTO_INCREMENT,
  sku         CHAR(12) NOT NULL,
  category_id SMALLINT UNSIGNED NOT NULL,
  title       VARCHAR(160) NOT NULL,
  description TEXT NULL,
  price       DECIMAL(10,2) NOT NULL DEFAULT 0.00 COMMENT 'in the shop''s currency',
  weight_kg   FLOAT NULL,
  volume_m3   DOUBLE NULL,
  attributes  JSON NULL,
  launched    YEAR NULL,
  thumbnail   VARBINARY(64) NULL,
  is_active   BIT(1) NOT NULL DEFAULT b'1',
  flags       BIT(12) NOT NULL DEFAULT b'0',
  stock_limit MEDIUMINT UNSIGNED NOT NULL DEFAULT 1000,
  PRIMARY KEY (id),
  UNIQUE KEY uk_sku (sku),
  KEY k_category_price (category_id, price),
  CONSTRAINT fk_products_category FOREIGN KEY (category_id) REFERENCES categories (id)
) ENGINE = InnoDB;

CREATE TABLE customers (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  email      VARCHAR(190) NOT NULL,
  loyalty_no INT NULL COMMENT 'a unique key that may be NULL in many rows',
  name       VARCHAR(100) NOT NULL DEFAULT '',
  country    CHAR(2) NOT NULL DEFAULT 'CN',
  is_vip     TINYINT(1) NOT NULL DEFAULT 0,
  credit     DECIMAL(14,4) NOT NULL DEFAULT 0,
  born_on    DATE NULL,
  status     ENUM('new','active','blocked','closed') NOT NULL DEFAULT 'new',
  interests  SET('books','music','sport','garden','games') NULL,
  profile    JSON NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY uk_email (email),
  UNIQUE KEY uk_loyalty (loyalty_no),
  KEY k_country_status (country, status)
) ENGINE = InnoDB COMMENT = 'people who buy';

CREATE TABLE addresses (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  customer_id BIGINT UNSIGNED NOT NULL,
  kind        ENUM('home','work','other') NOT NULL DEFAULT 'home',
  street      VARCHAR(120) NOT NULL,
  city        VARCHAR(60) NOT NULL,
  postcode    VARCHAR(12) NULL,
  latitude    DOUBLE NULL,
  longitude   DOUBLE NULL,
  PRIMARY KEY (id),
  KEY k_customer (customer_id),
  KEY k_city (city(12)),
  CONSTRAINT fk_addresses_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE = InnoDB;

CREATE TABLE warehouses (
  code      VARCHAR(16) NOT NULL,
  city      VARCHAR(60) NOT NULL,
  opens_at  TIME NOT NULL DEFAULT '08:00:00',
  closes_at TIME(3) NOT NULL DEFAULT '18:30:00.250',
  capacity  BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (code)
) ENGINE = InnoDB COMMENT = 'a primary key of characters';

CREATE TABLE stock (
  warehouse_code VARCHAR(16) NOT NULL,
  product_id     INT UNSIGNED NOT NULL,
  quantity       INT NOT NULL DEFAULT 0,
  reserved       SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  shelf          INT NULL COMMENT 'unique; values move between rows',
  counted_at     DATETIME(3) NULL,
  PRIMARY KEY (warehouse_code, product_id),
  UNIQUE KEY uk_shelf (shelf),
  KEY k_product (product_id),
  CONSTRAINT fk_stock_warehouse FOREIGN KEY (warehouse_code) REFERENCES warehouses (code),
  CONSTRAINT fk_stock_product FOREIGN KEY (product_id) REFERENCES products (id)
) ENGINE = InnoDB;

CREATE TABLE orders (
  id          BIGINT NOT NULL AUTO_INCREMENT,
  order_no    VARCHAR(24) NOT NULL,
  customer_id BIGINT UNSIGNED NOT NULL,
  status      ENUM('open','paid','shipped','done','cancelled') NOT NULL DEFAULT 'open',
  total       DECIMAL(12,2) NOT NULL DEFAULT 0.00,
  note        TEXT NULL,
  placed_at   DATETIME(6) NOT NULL,
  changed_at  TIMESTAMP(3) NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uk_order_no (order_no),
  KEY k_customer_placed (customer_id, placed_at),
  KEY k_status (status),
  CONSTRAINT fk_orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE = InnoDB;

CREATE TABLE order_items (
  order_id   BIGINT NOT NULL,
  line_no    TINYINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity   SMALLINT NOT NULL DEFAULT 1,
  price      DECIMAL(10,2) NOT NULL,
  discount   DECIMAL(5,4) NULL,
  PRIMARY KEY (order_id, line_no),
  KEY k_product (product_id),
  CONSTRAINT fk_items_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT fk_items_product FOREIGN KEY (product_id) REFERENCES products (id)
) ENGINE = InnoDB;

CREATE TABLE payments (
  id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  order_id  BIGINT NOT NULL,
  reference BINARY(16) NOT NULL,
  method    ENUM('card','transfer','cash','voucher') NOT NULL,
  amount    DECIMAL(18,6) NOT NULL,
  paid_at   TIMESTAMP(6) NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uk_reference (reference),
  KEY k_order (order_id),
  CONSTRAINT fk_payments_order FOREIGN KEY (order_id) REFERENCES orders (id)
) ENGINE = InnoDB;

CREATE TABLE shipments (
  tracking  VARCHAR(40) NOT NULL,
  order_id  BIGINT NOT NULL,
  carrier   VARCHAR(20) NOT NULL DEFAULT 'post',
  label     BLOB NULL,
  sent_at   DATETIME NOT NULL,
  took      TIME(6) NULL COMMENT 'can be longer than a day',
  PRIMARY KEY (tracking),
  KEY k_order (order_id),
  CONSTRAINT fk_shipments_order FOREIGN KEY (order_id) REFERENCES orders (id)
) ENGINE = InnoDB;

CREATE TABLE reviews (
  id          INT NOT NULL AUTO_INCREMENT,
  product_id  INT UNSIGNED NOT NULL,
  customer_id BIGINT UNSIGNED NOT NULL,
  stars       TINYINT NOT NULL,
  body        MEDIUMTEXT NULL,
  score       FLOAT NOT NULL DEFAULT 0,
  written_on  DATE NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uk_product_customer (product_id, customer_id),
  KEY k_stars (stars),
  CONSTRAINT fk_reviews_product FOREIGN KEY (product_id) REFERENCES products (id),
  CONSTRAINT fk_reviews_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE = InnoDB;

CREATE TABLE coupons (
  code       VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  slot       INT NULL,
  percent    DECIMAL(5,2) NOT NULL,
  valid_from DATE NOT NULL,
  valid_to   DATE NULL,
  uses_left  INT UNSIGNED NOT NULL DEFAULT 100,
  PRIMARY KEY (code),
  UNIQUE KEY uk_slot (slot)
) ENGINE = InnoDB COMMENT = 'case matters in the code; slots change hands';

CREATE TABLE exchange_rates (
  currency CHAR(3) NOT NULL,
  day      DATE NOT NULL,
  rate     DECIMAL(24,12) NOT NULL,
  source   VARCHAR(20) NULL DEFAULT 'central bank',
  PRIMARY KEY (currency, day)
) ENGINE = InnoDB;

CREATE TABLE settings (
  name    VARCHAR(64) NOT NULL,
  value   LONGTEXT NULL,
  payload MEDIUMBLOB NULL,
  version INT UNSIGNED NOT NULL DEFAULT 1,
  PRIMARY KEY (name)
) ENGINE = InnoDB;

CREATE TABLE page_hits (
  page     TINYINT UNSIGNED NOT NULL,
  hits     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  seconds  DOUBLE NOT NULL DEFAULT 0,
  last_hit DATETIME(6) NULL,
  PRIMARY KEY (page)
) ENGINE = InnoDB COMMENT = 'a few rows that change all the time';

CREATE TABLE clicks (
  session_id  VARCHAR(40) NOT NULL,
  customer_id BIGINT UNSIGNED NULL,
  url         VARCHAR(255) NOT NULL,
  took_ms     INT NULL,
  clicked_at  DATETIME(3) NOT NULL,
  KEY k_session (session_id)
) ENGINE = InnoDB COMMENT = 'no key at all; equal rows happen';

CREATE TABLE audit_log (
  event_no INT NULL,
  actor    VARCHAR(40) NULL,
  action   VARCHAR(80) NOT NULL,
  details  JSON NULL,
  raw      TINYBLOB NULL,
  noted_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY uk_event (event_no)
) ENGINE = InnoDB COMMENT = 'only a unique key that may be NULL';

CREATE VIEW order_totals AS
SELECT o.id, o.order_no, o.customer_id, c.email, o.status, o.total, COUNT(i.line_no) AS items
FROM orders o
JOIN customers c ON c.id = o.customer_id
LEFT JOIN order_items i ON i.order_id = o.id
GROUP BY o.id, o.order_no, o.customer_id, c.email, o.status, o.total;
