"""Every flight that left New York in 2013: a small, complete REST API over real data.

`load.py` fills the database, `models/` says what is sent, `store/` reads and writes it, `routes/` answers,
and `app.py` puts them together. Each depends only on those named before it.
"""
