"""Awkward ways in which real apps set logging up. Each logs SEEN-<n> records that must come out once each.

``log`` is what the snippets get: ``log(name, level, times)`` logs and counts. Snippets run in a folder without logs/.
"""

# ruff: noqa: E501

HEAD = """
import json, logging, logging.config, logging.handlers, os, queue, sys
count = 0
def log(name="", level=logging.ERROR):
    global count
    count += 1
    logging.getLogger(name).log(level, "SEEN-%d.", count)
"""

SETUPS = {
    "FileHandler": """
logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
log("app")""",
    "FileHandler in a folder that is missing": """
logging.getLogger("app").addHandler(logging.FileHandler("logs/deep/app.log"))
log("app")""",
    "RotatingFileHandler that rolls over at every record": """
logging.getLogger("app").addHandler(logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=5, backupCount=3))
log("app"); log("app"); log("app")""",
    "RotatingFileHandler rolled over by hand": """
h = logging.handlers.RotatingFileHandler("logs/app.log", backupCount=3)
h.doRollover()
logging.getLogger("app").addHandler(h)
log("app")""",
    "TimedRotatingFileHandler": """
h = logging.handlers.TimedRotatingFileHandler("logs/app.log", when="S", interval=1, backupCount=3)
logging.getLogger("app").addHandler(h)
log("app"); h.rolloverAt = 0; log("app"); log("app")""",
    "WatchedFileHandler": """
logging.getLogger("app").addHandler(logging.handlers.WatchedFileHandler("logs/app.log"))
log("app"); log("app")""",
    "MemoryHandler with a file behind it": """
h = logging.handlers.MemoryHandler(10, target=logging.FileHandler("logs/app.log"), flushLevel=logging.CRITICAL)
logging.getLogger("app").addHandler(h)
log("app"); log("app", logging.CRITICAL); log("app")""",
    "MemoryHandler on the root": """
h = logging.handlers.MemoryHandler(10, target=logging.FileHandler("logs/app.log"))
logging.getLogger().addHandler(h)
log("app", logging.WARNING); log("app")""",
    "QueueHandler and QueueListener with a file": """
q = queue.Queue()
listener = logging.handlers.QueueListener(q, logging.FileHandler("logs/app.log"))
logging.getLogger("app").addHandler(logging.handlers.QueueHandler(q))
listener.start(); log("app"); log("app"); listener.stop()""",
    "QueueListener with a file, and a console beside the queue": """
q = queue.Queue()
listener = logging.handlers.QueueListener(q, logging.FileHandler("logs/app.log"), logging.StreamHandler())
L = logging.getLogger("app"); L.addHandler(logging.handlers.QueueHandler(q)); L.addHandler(logging.StreamHandler())
listener.start(); log("app"); log("app"); listener.stop()""",
    "dictConfig": """
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False,
    "handlers": {"f": {"class": "logging.handlers.RotatingFileHandler", "filename": "logs/app.log", "maxBytes": 9}},
    "loggers": {"app": {"handlers": ["f"], "level": "INFO"}}, "root": {"handlers": ["f"], "level": "INFO"}})
log("app", logging.INFO); log("other", logging.INFO)""",
    "dictConfig that disables loggers made before": """
early = logging.getLogger("early")
logging.config.dictConfig({"version": 1,
    "handlers": {"f": {"class": "logging.FileHandler", "filename": "logs/app.log"}}, "root": {"handlers": ["f"]}})
early.error("SILENT"); log("late")""",
    "fileConfig": """
open("log.ini", "w").write("[loggers]\\nkeys=root\\n[handlers]\\nkeys=f\\n[formatters]\\nkeys=\\n[logger_root]\\nhandlers=f\\n"
    "level=INFO\\n[handler_f]\\nclass=FileHandler\\nargs=('app.log',)\\n")
logging.config.fileConfig("log.ini"); os.remove("log.ini")
log("app", logging.INFO)""",
    "handlers assigned by list": """
logging.getLogger("app").handlers = [logging.FileHandler("app.log")]
logging.getLogger().handlers = [logging.FileHandler("root.log")]
log("app"); log("other")""",
    "propagate off": """
L = logging.getLogger("app"); L.propagate = False
L.addHandler(logging.FileHandler("app.log")); logging.getLogger().addHandler(logging.StreamHandler())
log("app"); log("app.child"); log("other")""",
    "propagate off without any handler": """
logging.getLogger("app").propagate = False
log("app")""",
    "two handlers on one logger": """
L = logging.getLogger("app")
L.addHandler(logging.FileHandler("app.log")); L.addHandler(logging.FileHandler("errors.log"))
log("app")""",
    "a file and a console, in both orders": """
for name, kinds in (("a", (logging.FileHandler("a.log"), logging.StreamHandler())),
                    ("b", (logging.StreamHandler(sys.stdout), logging.FileHandler("b.log")))):
    for h in kinds: logging.getLogger(name).addHandler(h)
log("a"); log("b")""",
    "a file on the logger and a console on the root": """
logging.basicConfig(); logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
log("app"); log("other")""",
    "the same handler on a logger and on the root": """
h = logging.FileHandler("app.log"); logging.getLogger("app").addHandler(h); logging.getLogger().addHandler(h)
log("app")""",
    "an errors file with a level of its own": """
L = logging.getLogger("app"); L.setLevel(logging.DEBUG)
e = logging.FileHandler("errors.log"); e.setLevel(logging.ERROR); L.addHandler(e); L.addHandler(logging.FileHandler("all.log"))
log("app", logging.DEBUG); log("app")""",
    "basicConfig before": """
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
log("app", logging.DEBUG); log("other", logging.INFO)""",
    "basicConfig after": """
logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
logging.basicConfig(filename="logs/root.log", level=logging.INFO)
log("app"); log("other", logging.INFO)""",
    "basicConfig with a file, twice": """
logging.basicConfig(filename="one.log"); logging.basicConfig(filename="two.log", force=True)
log("app", logging.WARNING)""",
    "no set-up at all": """
log("app", logging.INFO); log("app"); log(); logging.warning("SEEN-%d.", count + 1); count += 1""",
    "a NullHandler, as libraries have it": """
logging.getLogger("lib").addHandler(logging.NullHandler())
log("lib", logging.INFO); log("lib")""",
    "a library that is silenced on purpose": """
L = logging.getLogger("lib"); L.propagate = False; L.addHandler(logging.NullHandler())
L.error("SILENT"); log("app")""",
    "a console that is wrapped anew": """
import io
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True, write_through=True)
logging.getLogger("app").addHandler(logging.StreamHandler(sys.stdout))
log("app")""",
    "a handler of a class of its own that writes files": """
class Own(logging.handlers.RotatingFileHandler):
    def emit(self, record):
        open("own.log", "a").write(self.format(record))
logging.getLogger("app").addHandler(Own("logs/app.log"))
log("app")""",
    "a file inside a handler that emits by itself": """
class Wraps(logging.Handler):
    def __init__(self, inner):
        super().__init__(); self.inner = inner
    def emit(self, record):
        self.inner.emit(record)
kinds = logging.handlers
for name, inner in (("a", logging.FileHandler("logs/a.log")), ("b", kinds.WatchedFileHandler("logs/b.log")),
                    ("c", kinds.RotatingFileHandler("logs/c.log", maxBytes=5, backupCount=3)),
                    ("d", kinds.TimedRotatingFileHandler("logs/d.log", when="S", backupCount=3))):
    inner.rotator = os.rename; inner.rolloverAt = 0; logging.getLogger(name).addHandler(Wraps(inner)); log(name); log(name)
logging.getLogger().addHandler(Wraps(logging.FileHandler("root.log"))); log("a"); log("e")""",
    "a file inside a handler that emits a changed copy, and a console": """
import copy
class Redacts(logging.Handler):
    inner = logging.FileHandler("app.log")
    def emit(self, record):
        record = copy.copy(record); record.msg = record.msg.replace("SILENT", "hidden"); self.inner.emit(record)
L = logging.getLogger("app"); L.addHandler(Redacts()); L.addHandler(logging.StreamHandler())
log("app"); L.removeHandler(L.handlers[1]); log("app"); L.error("SILENT")""",
    "a file inside a handler that emits from another thread, as multiprocessing-logging's": """
import pickle, threading
class MultiProcessingHandler(logging.Handler):
    def __init__(self, inner):
        super().__init__(); self.inner = inner; self.queue = queue.Queue()
        self.thread = threading.Thread(target=self.receive); self.thread.start()
    def receive(self):
        for sent in iter(self.queue.get, None): self.inner.emit(pickle.loads(sent))
    def emit(self, record):
        self.queue.put(pickle.dumps(record))
h = MultiProcessingHandler(logging.FileHandler("app.log")); logging.getLogger("app").addHandler(h)
log("app"); log("app"); h.queue.put(None); h.thread.join()""",
    "a coloured console": """
class Colour(logging.StreamHandler):
    def emit(self, record):
        self.stream.write("\\033[1m" + self.format(record) + "\\033[0m\\n")
logging.getLogger("app").addHandler(Colour(sys.stdout)); logging.getLogger("app").addHandler(logging.FileHandler("a.log"))
log("app")""",
    "a handler that has a console of its own, as rich's": """
class Console:
    file = sys.stdout
class Rich(logging.Handler):
    console = Console()
    def emit(self, record):
        self.console.file.write("[now] " + self.format(record) + "\\n")
logging.getLogger("app").addHandler(Rich()); logging.getLogger("b").addHandler(Rich())
logging.getLogger("b").addHandler(logging.FileHandler("b.log"))
log("app"); log("b")""",
    "a filter and a record factory": """
old = logging.getLogRecordFactory()
def factory(*a, **k):
    record = old(*a, **k); record.extra = "x"; return record
logging.setLogRecordFactory(factory)
h = logging.FileHandler("app.log"); h.setFormatter(logging.Formatter("%(extra)s %(message)s"))
h.addFilter(lambda record: "SILENT" not in record.getMessage()); L = logging.getLogger("app"); L.addHandler(h); L.propagate = False
log("app"); L.error("SILENT")""",
    "a filter that returns a record made anew, as Python 3.12 lets it": """
class Anew(logging.Filter):
    def filter(self, record): return logging.makeLogRecord(vars(record))
h = logging.FileHandler("app.log"); h.addFilter(Anew()); L = logging.getLogger("app"); L.addHandler(h)
log("app"); logging.getLogger().addHandler(logging.StreamHandler()); log("app")""",
    "a handler added in a function that runs later, every time anew": """
def view():
    logging.getLogger("app").addHandler(logging.FileHandler("app.log")); log("app")
view(); view(); view()""",
    "closed and used again": """
h = logging.FileHandler("app.log"); logging.getLogger("app").addHandler(h)
log("app"); h.close(); log("app")""",
    "a program that replaces stdout by a proxy that logs, as celery does": """
logging.getLogger("app").addHandler(logging.StreamHandler(sys.__stdout__))
class Proxy:
    closed = False
    def write(self, text): logging.getLogger("redirected").warning(text)
    def flush(self): pass
sys.stdout = Proxy()
log("app")
sys.stdout = sys.__stdout__""",
}

TAIL = """
logging.shutdown()
print("COUNT", count)
"""
