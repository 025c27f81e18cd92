-- What load.py builds from the CSV files, in SQL that SQLite and PostgreSQL both take.

CREATE TABLE airlines (
    carrier text PRIMARY KEY,
    name    text NOT NULL
);

CREATE TABLE airports (
    iata       text PRIMARY KEY,
    name       text             NOT NULL,
    latitude   double precision NOT NULL,
    longitude  double precision NOT NULL,
    altitude   integer          NOT NULL, -- feet
    utc_offset integer          NOT NULL, -- hours, standard time
    dst        text             NOT NULL, -- A: as in the US, U: unknown, N: none
    time_zone  text                       -- IANA name
);

CREATE TABLE planes (
    tail_number  text PRIMARY KEY,
    year         integer, -- of manufacture
    type         text    NOT NULL,
    manufacturer text    NOT NULL,
    model        text    NOT NULL,
    engines      integer NOT NULL,
    seats        integer NOT NULL,
    speed        integer, -- cruising, miles an hour
    engine       text    NOT NULL
);

CREATE TABLE weather (
    origin         text NOT NULL,
    hour           text NOT NULL, -- UTC, 2013-01-01T06:00:00Z
    temperature    double precision, -- °F
    dew_point      double precision, -- °F
    humidity       double precision, -- relative, per cent
    wind_direction integer, -- degrees
    wind_speed     double precision, -- miles an hour
    wind_gust      double precision, -- miles an hour
    precipitation  double precision NOT NULL, -- inches
    pressure       double precision, -- sea level, millibars
    visibility     double precision NOT NULL, -- miles
    PRIMARY KEY (origin, hour)
);

-- No foreign keys: the source lacks four of the destinations and a sixth of the planes.
CREATE TABLE flights (
    id                  integer PRIMARY KEY, -- row of the CSV file, from 1
    date                date    NOT NULL, -- 2013-07-04, local
    scheduled_departure text    NOT NULL, -- 09:05, local
    departure           text, -- NULL: cancelled
    departure_delay     integer, -- minutes, negative: early
    scheduled_arrival   text    NOT NULL,
    arrival             text,
    arrival_delay       integer,
    carrier             text    NOT NULL,
    number              integer NOT NULL,
    tail_number         text,
    origin              text    NOT NULL,
    dest                text    NOT NULL,
    air_time            integer, -- minutes
    distance            integer NOT NULL, -- miles
    hour                text    NOT NULL  -- of scheduled departure, UTC; joins weather
);

CREATE TABLE bookings (
    id        uuid PRIMARY KEY,
    flight_id integer NOT NULL,
    document  text    NOT NULL -- the whole booking as JSON
);

-- The key is the promise that a seat is sold once, however many workers sell.
CREATE TABLE seats (
    flight_id  integer NOT NULL,
    seat       text    NOT NULL,
    booking_id uuid    NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    PRIMARY KEY (flight_id, seat)
);
