-- What load.py builds from the CSV files. STRICT: a column holds its declared type or NULL, never "NA".

CREATE TABLE airlines (
    carrier TEXT PRIMARY KEY,
    name    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE airports (
    iata      TEXT PRIMARY KEY,
    name      TEXT    NOT NULL,
    latitude  REAL    NOT NULL,
    longitude REAL    NOT NULL,
    altitude  INTEGER NOT NULL, -- feet
    utc_offset INTEGER NOT NULL, -- hours, standard time
    dst       TEXT    NOT NULL, -- A: as in the US, U: unknown, N: none
    time_zone TEXT              -- IANA name
) STRICT, WITHOUT ROWID;

CREATE TABLE planes (
    tail_number  TEXT PRIMARY KEY,
    year         INTEGER, -- of manufacture
    type         TEXT    NOT NULL,
    manufacturer TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    engines      INTEGER NOT NULL,
    seats        INTEGER NOT NULL,
    speed        INTEGER, -- cruising, miles an hour
    engine       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE weather (
    origin         TEXT NOT NULL,
    hour           TEXT NOT NULL, -- UTC, 2013-01-01T06:00:00Z
    temperature    REAL, -- °F
    dew_point      REAL, -- °F
    humidity       REAL, -- relative, per cent
    wind_direction INTEGER, -- degrees
    wind_speed     REAL, -- miles an hour
    wind_gust      REAL, -- miles an hour
    precipitation  REAL NOT NULL, -- inches
    pressure       REAL, -- sea level, millibars
    visibility     REAL NOT NULL, -- miles
    PRIMARY KEY (origin, hour)
) STRICT, WITHOUT ROWID;

-- No foreign keys: the source lacks four of the destinations and a sixth of the planes.
CREATE TABLE flights (
    id                  INTEGER PRIMARY KEY, -- row of the CSV file, from 1
    date                TEXT    NOT NULL, -- 2013-07-04, local
    scheduled_departure TEXT    NOT NULL, -- 09:05, local
    departure           TEXT, -- NULL: cancelled
    departure_delay     INTEGER, -- minutes, negative: early
    scheduled_arrival   TEXT    NOT NULL,
    arrival             TEXT,
    arrival_delay       INTEGER,
    carrier             TEXT    NOT NULL,
    number              INTEGER NOT NULL,
    tail_number         TEXT,
    origin              TEXT    NOT NULL,
    dest                TEXT    NOT NULL,
    air_time            INTEGER, -- minutes
    distance            INTEGER NOT NULL, -- miles
    hour                TEXT    NOT NULL  -- of scheduled departure, UTC; joins weather
) STRICT;
