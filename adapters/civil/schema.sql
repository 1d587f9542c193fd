-- SPDX-License-Identifier: EUPL-1.2
--
-- A civil status register as the demonstration needs it: the SQL that SQLite and PostgreSQL share. Dates are ISO 8601
-- text in both, so that they compare and travel alike.

CREATE TABLE municipality (
    code     INTEGER PRIMARY KEY CHECK (code BETWEEN 1 AND 38),
    name_sq  TEXT NOT NULL,
    name_sr  TEXT NOT NULL,
    name_en  TEXT NOT NULL,
    postal_code TEXT NOT NULL
);

CREATE TABLE person (
    personal_number     TEXT PRIMARY KEY CHECK (length(personal_number) = 10),
    given_name          TEXT NOT NULL,
    family_name         TEXT NOT NULL,
    birth_family_name   TEXT NOT NULL,
    -- The same in lower case and without marks (ë, ç, č …), for searching.
    given_name_folded   TEXT NOT NULL,
    family_name_folded  TEXT NOT NULL,
    birth_family_name_folded TEXT NOT NULL,
    sex                 INTEGER NOT NULL CHECK (sex IN (1, 2)),      -- ISO/IEC 5218
    birth_date          TEXT NOT NULL,
    birth_locality      TEXT NOT NULL,
    birth_municipality  INTEGER NOT NULL REFERENCES municipality (code),
    civil_status        TEXT NOT NULL CHECK (civil_status IN ('SINGLE', 'MARRIED', 'DIVORCED', 'WIDOWED')),
    father_number       TEXT REFERENCES person (personal_number),
    mother_number       TEXT REFERENCES person (personal_number),
    -- Names of parents stand in the books even where the parents do not.
    father_given_name   TEXT NOT NULL,
    mother_given_name   TEXT NOT NULL,
    mother_birth_family_name TEXT NOT NULL,
    street              TEXT NOT NULL,
    house_number        TEXT NOT NULL,
    locality            TEXT NOT NULL,
    municipality        INTEGER NOT NULL REFERENCES municipality (code),
    death_date          TEXT
);
CREATE INDEX person_family_name ON person (family_name_folded);
CREATE INDEX person_birth_family_name ON person (birth_family_name_folded);
CREATE INDEX person_birth_date ON person (birth_date);
CREATE INDEX person_father ON person (father_number);
CREATE INDEX person_mother ON person (mother_number);

CREATE TABLE citizenship (
    personal_number TEXT NOT NULL REFERENCES person (personal_number),
    country         TEXT NOT NULL CHECK (length(country) = 2),        -- ISO 3166-1 alpha-2
    PRIMARY KEY (personal_number, country)
);

CREATE TABLE document (
    number          TEXT PRIMARY KEY,
    personal_number TEXT NOT NULL REFERENCES person (personal_number),
    kind            TEXT NOT NULL CHECK (kind IN ('IDENTITY_CARD', 'PASSPORT')),
    issued_on       TEXT NOT NULL,
    valid_until     TEXT NOT NULL,
    issuer          TEXT NOT NULL
);
CREATE INDEX document_person ON document (personal_number);

CREATE TABLE marriage (
    id            INTEGER PRIMARY KEY,
    husband       TEXT NOT NULL REFERENCES person (personal_number),
    wife          TEXT NOT NULL REFERENCES person (personal_number),
    married_on    TEXT NOT NULL,
    municipality  INTEGER NOT NULL REFERENCES municipality (code),
    ended_on      TEXT                                                -- divorce or death
);
CREATE INDEX marriage_husband ON marriage (husband);
CREATE INDEX marriage_wife ON marriage (wife);

CREATE TABLE birth_entry (
    personal_number TEXT PRIMARY KEY REFERENCES person (personal_number),
    office          INTEGER NOT NULL REFERENCES municipality (code),
    year            INTEGER NOT NULL,
    book            INTEGER NOT NULL,
    page            INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    registered_on   TEXT NOT NULL,
    UNIQUE (office, year, number)
);
