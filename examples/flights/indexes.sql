-- Built after the rows are in. Each ends in the order of a page (date, scheduled_departure, rowid), so that a page is
-- a walk along one index and never a sort. There is none for origin alone: every third flight in order of date fits.

CREATE INDEX flights_by_date    ON flights (date, scheduled_departure);
CREATE INDEX flights_by_dest    ON flights (dest, date, scheduled_departure);
CREATE INDEX flights_by_carrier ON flights (carrier, date, scheduled_departure);
CREATE INDEX flights_by_route   ON flights (dest, origin, date, scheduled_departure);

-- Without statistics the planner takes the range of a page for narrower than the equality of a day, and sorts.
ANALYZE;
