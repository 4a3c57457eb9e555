# A server that fails on each request, once for each way to treat the connection
# then. It prints "NAME PORT" for each and "ready"; "wait N" answers once N requests
# have failed, "gc" once the garbage is collected.
import gc
import socket
import sys
import threading
import time

failed = 0
lock = threading.Lock()
errors = []


def work(conn):
    conn.recv(100)
    raise ValueError("no such order")


def dropped(conn):
    work(conn)
    conn.close()  # never comes to this


def error_kept(conn):
    try:
        work(conn)
    except ValueError as e:
        errors.append(e)  # with its traceback, whose frames hold the connection
        raise


def error_in_cycle(conn):
    try:
        work(conn)
    except ValueError as e:
        err = e  # the traceback holds this frame, which holds the error
        raise


def with_statement(conn):
    with conn:
        work(conn)


def serve(handle, conn):
    global failed
    try:
        handle(conn)
    except ValueError:
        pass
    del conn
    with lock:
        failed += 1


def accept(listener, handle):
    while True:
        threading.Thread(target=serve, args=(handle, listener.accept()[0]), daemon=True).start()


gc.disable()  # else it would run whenever it likes, before the first count, too
for handle in (dropped, error_in_cycle, error_kept, with_statement):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, handle), daemon=True).start()
    print(handle.__name__, listener.getsockname()[1])
print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "gc":
        gc.collect()
    while words[0] == "wait" and failed < int(words[1]):
        time.sleep(0.005)
    print("ok", flush=True)
