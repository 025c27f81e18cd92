"""What Alembic runs with each command: the connection and the callback come from `migrating`."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    on_version_apply=context.config.attributes["applied"],
    transactional_ddl=True,  # of SQLite too, whose transactions `engine` begins as it should
)
with context.begin_transaction():
    context.run_migrations()
