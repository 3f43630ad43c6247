CREATE TABLE entries (id bigint PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL);
