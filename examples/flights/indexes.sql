-- Built after the rows are in. Each ends in the order of a page (date, scheduled_departure, id), so that a page is a
-- walk along one index and never a sort. There is none for origin alone: every third flight in order of date fits.

CREATE INDEX flights_by_date    ON flights (date, scheduled_departure, id);
CREATE INDEX flights_by_dest    ON flights (dest, date, scheduled_departure, id);
CREATE INDEX flights_by_carrier ON flights (carrier, date, scheduled_departure, id);
CREATE INDEX flights_by_route   ON flights (dest, origin, date, scheduled_departure, id);
CREATE INDEX seats_by_booking   ON seats (booking_id);

-- Without statistics SQLite takes the range of a page for narrower than the equality of a day, and sorts.
ANALYZE;
