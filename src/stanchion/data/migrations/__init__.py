"""Revisions of a schema, applied by Alembic: `stanchion db migrate`.

Law: Alembic does the work; here is how it gets at the app's database, and that two never migrate it at one time. Its
environment is in `environment/`, so that a project has a folder of revisions and nothing else.
"""
