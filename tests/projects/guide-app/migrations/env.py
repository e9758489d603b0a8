# Alembic's environment
