FLASK_APP=wsgi.py
FLASK_ENV=development
