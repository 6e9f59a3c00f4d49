CREATE DATABASE schema_a CHARACTER SET utf8mb4
;;
CREATE DATABASE schema_b CHARACTER SET latin1
;;
CREATE TABLE schema_a.plain (a int primary key, b varchar(50), c datetime(3) default current_timestamp(3)) comment 'it''s \\ plain'
;;
CREATE TABLE schema_a.left_out (a int primary key)
;;
CREATE TABLE schema_a.left_out_too (a int primary key)
;;
CREATE TABLE schema_a.`odd``name` (`a``b` int not null, `select` varchar(10) not null default 'it''s \\', primary key (`a``b`), unique key `u``k` (`select`)) comment 'q'
;;
CREATE TABLE schema_a.numbers (
 a tinyint(1) default 1, b tinyint unsigned default 255, c smallint default -3, d mediumint unsigned zerofill, e int(10) unsigned zerofill default 5,
 f bigint unsigned not null auto_increment, g decimal(20,5) default 1.50, h decimal(65,30), i float default 1.5, j float(7,3), k double default 1e10, l double(10,2) unsigned,
 m bit(5) default b'101', n bit(64), o year default 2020, p bool default true, primary key (f)) auto_increment = 100
;;
CREATE TABLE schema_a.strings (
 a char(10) default 'it''s \\ "q"', b varchar(255) default '', c varbinary(20) default 'abc', d binary(3) default 'a', e tinytext, f text, g mediumtext, h longtext,
 i tinyblob, j blob, k mediumblob, l longblob, m enum('a','b''c','d,e','') not null default 'a' comment 'an ''enum'' \\ "x" `y`', n set('x','y z') default 'x,y z',
 o varchar(20) collate utf8mb4_bin, p varchar(20) character set latin1, q text character set latin1 collate latin1_bin, r char(3) character set ascii, s varchar(10) character set utf8mb3,
 t varchar(10) not null, u varchar(300) default 'x', v json, w varchar(5000),
 primary key (t), unique key (a, b(20)), unique key (o), key (f(10), t), key (b desc))
;;
CREATE TABLE schema_a.times (
 a date default '2020-01-01', b time default '-10:00:00', c time(6), d datetime default '2020-01-01 00:00:00', e datetime(6) default current_timestamp(6) on update current_timestamp(6),
 f timestamp not null default current_timestamp on update current_timestamp, g timestamp(3) null, h timestamp not null default '2020-01-01 00:00:00', i datetime not null)
;;
CREATE TABLE schema_a.keyless (a int, b varchar(10), key (a))
;;
CREATE TABLE schema_a.unique_only (a int not null, b int, unique key (a), unique key (b), unique key (a, b))
;;
CREATE TABLE schema_a.keys_of_all_kinds (a int not null, b int, c varchar(20), d text, e varchar(100), primary key (a), unique key uq (b), key plain (b, c) comment 'why''s', key two (c(3)), fulltext key ft (d), key three (e desc, a))
;;
CREATE TABLE schema_a.counter (a int not null, n int not null auto_increment, primary key (a), key (n)) auto_increment = 77
;;
CREATE TABLE schema_a.generated (a int not null, b int generated always as (a * 2) virtual, c int generated always as (a + 1) stored, d varchar(30) generated always as (concat('x,)', a)) stored comment 'd', e int invisible default 3, primary key (a), key (c))
;;
CREATE TABLE schema_a.expressions (a int not null default (1 + 2), b varchar(40) default (uuid()), primary key (a))
;;
CREATE TABLE schema_a.checks (a int not null, b int, primary key (a), constraint ck check (b > 0 and b < 10), check (a <> b))
;;
CREATE TABLE schema_a.parts (a int not null, b date, primary key (a)) partition by range (a) (partition p0 values less than (10) comment = 'x;', partition p1 values less than maxvalue)
;;
CREATE TABLE schema_a.hashed (a int not null, b int, primary key (a)) partition by hash (a) partitions 4
;;
CREATE TABLE schema_a.linear (a int not null, b int, primary key (a)) partition by linear hash (a) partitions 4
;;
CREATE TABLE schema_b.`parent` (a int not null, b varchar(10) not null, primary key (a), unique key (b))
;;
CREATE TABLE schema_b.child (id int not null, a int, b varchar(10), self int, primary key (id), constraint fk_child foreign key (a) references `parent` (a) on delete cascade on update set null, constraint fk_two foreign key (b) references `parent` (b), constraint fk_self foreign key (self) references child (id) on delete set null)
;;
CREATE TABLE schema_a.abroad (id int not null, a int, primary key (id), constraint fk_abroad foreign key (a) references schema_b.`parent` (a))
;;
CREATE VIEW schema_a.a_first AS SELECT n, label FROM (SELECT 1 AS n, 'x' AS label) AS t WHERE n = 0
;;
CREATE VIEW schema_a.z_inner (n, label) AS SELECT a AS x, b AS y FROM schema_a.plain WHERE b LIKE '%as view%' COLLATE utf8mb4_bin
;;
CREATE SQL SECURITY INVOKER VIEW schema_a.v_outer AS SELECT z.n, z.label FROM schema_a.z_inner z LEFT JOIN schema_a.keyless k ON k.a = z.n
;;
CREATE TRIGGER schema_a.tr BEFORE INSERT ON schema_a.plain FOR EACH ROW SET NEW.b = 'x'
;;
