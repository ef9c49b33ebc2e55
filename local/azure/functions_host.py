"""The part of the Azure Functions host that a Python function app needs: functions_host.py APP PORT

Loads `function_app.py` of the folder APP with the app's own azure-functions, and serves its HTTP triggers on the
loopback interface. `GET /admin/functions` lists the functions with another trigger, and a POST of
`/admin/functions/NAME` runs one; the body is the message, blob or event for it.
"""

import asyncio
import base64
import importlib
import inspect
import json
import logging
import os
import re
import sys
import threading
import traceback
import uuid
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import azure.functions as func
from azure.functions.blob import InputStream
from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest

ADMIN = "/admin/functions"

# A variable of a route, `{name}`, or `{*name}` for the rest of the path, after `re.escape`.
VARIABLE = re.compile(r"\\{(\\\*)?(\w+)\\}")

# `hh:mm:ss`. Without the setting there is no limit: no function here takes as long as the host's own.
TIMEOUT_SETTING = "AzureFunctionsJobHost__functionTimeout"


def seconds(time_span):
    hours, minutes, rest = time_span.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 + int(rest)


TIMEOUT = seconds(os.environ[TIMEOUT_SETTING]) if TIMEOUT_SETTING in os.environ else None


def expression(variable):
    return f"(?P<{variable[2]}>{'.*' if variable[1] else '[^/]+'})"


class Context(func.Context):
    """The invocation context of a function."""

    def __init__(self, function_name, function_directory):
        self._name = function_name
        self._directory = function_directory
        self._id = str(uuid.uuid4())
        self._storage = threading.local()

    invocation_id = property(lambda self: self._id)
    function_name = property(lambda self: self._name)
    function_directory = property(lambda self: self._directory)
    thread_local_storage = property(lambda self: self._storage)
    trace_context = property(lambda self: None)
    retry_context = property(lambda self: None)


class Function:
    """A function and its trigger."""

    def __init__(self, function, directory):
        self.trigger = function.get_trigger()
        self.name = function.get_function_name()
        self.call = function.get_user_function()
        self.takes_context = "context" in inspect.signature(self.call).parameters
        self.directory = directory

    async def __call__(self, request):
        arguments = {self.trigger.name: request}
        if self.takes_context:
            arguments["context"] = Context(self.name, self.directory)
        result = self.call(**arguments)
        return await result if inspect.isawaitable(result) else result


def resolved(text):
    """A trigger's text, in which app settings between percent signs are replaced."""
    return re.sub(r"%([\w.-]+)%", lambda name: os.environ[name[1]], text)


class TimerFunction(Function):
    """A function with a timer trigger."""

    def __init__(self, function, directory):
        super().__init__(function, directory)
        self.schedule = resolved(self.trigger.schedule)

    def listed(self):
        return {"name": self.name, "schedule": self.schedule}

    def run(self, _):
        return self(TimerRequest(past_due=False))


class QueueFunction(Function):
    """A function with a queue trigger, and the queue settings of `host.json`."""

    def __init__(self, function, directory, settings):
        super().__init__(function, directory)
        self.queue = resolved(self.trigger.queue_name)
        self.connection = self.trigger.connection or "AzureWebJobsStorage"
        hours, minutes, seconds = settings.get("visibilityTimeout", "00:00:00").split(":")
        self.visibility_timeout = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        self.settings = settings

    def listed(self):
        return {
            "name": self.name,
            "queue": self.queue,
            "connection": self.connection,
            "batchSize": self.settings.get("batchSize", 16),
            "maxDequeueCount": self.settings.get("maxDequeueCount", 5),
            "visibilityTimeout": self.visibility_timeout,
            "messageEncoding": self.settings.get("messageEncoding", "base64"),
        }

    def run(self, body):
        message = json.loads(body)
        return self(
            QueueMessage(
                id=message["id"],
                body=message["body"],
                dequeue_count=message["dequeueCount"],
                insertion_time=parsedate_to_datetime(message["insertionTime"]),
                expiration_time=parsedate_to_datetime(message["expirationTime"]),
                time_next_visible=parsedate_to_datetime(message["timeNextVisible"]),
                pop_receipt=message["popReceipt"],
            )
        )


class BlobFunction(Function):
    """A function with a blob trigger that has its blobs by Event Grid."""

    def __init__(self, function, directory):
        super().__init__(function, directory)
        self.container, _, self.pattern = resolved(self.trigger.path).strip("/").partition("/")
        # A variable of the path, `{name}`, is any part of a blob's name.
        self.names = re.compile("^" + re.sub(r"\\{\w+\\}", ".+", re.escape(self.pattern or "{name}")) + "$", re.DOTALL)
        self.connection = self.trigger.connection

    def listed(self):
        return {"name": self.name, "container": self.container, "names": self.names.pattern, "connection": self.connection}

    def run(self, body):
        blob = json.loads(body)
        content = base64.b64decode(blob["content"])
        return self(
            InputStream(
                data=content,
                name=blob["name"],
                uri=blob["uri"],
                length=len(content),
                blob_properties=blob["properties"],
                metadata=blob["metadata"],
            )
        )


class EventFunction(Function):
    """A function with an Event Grid trigger."""

    def listed(self):
        return {"name": self.name}

    def run(self, body):
        event = json.loads(body)
        return self(
            func.EventGridEvent(
                id=event["id"],
                data=event["data"],
                topic=event["topic"],
                subject=event["subject"],
                event_type=event["eventType"],
                event_time=datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00")),
                data_version=event["dataVersion"],
            )
        )


class HttpFunction(Function):
    """A function with an HTTP trigger, and its paths."""

    def __init__(self, function, prefix, directory):
        super().__init__(function, directory)
        trigger = self.trigger
        self.anonymous = getattr(trigger.auth_level, "value", "function").lower() == "anonymous"
        self.methods = {getattr(method, "value", method).upper() for method in trigger.methods or ["GET", "POST"]}
        route = "/".join(part.strip("/") for part in (prefix, trigger.route or self.name) if part.strip("/"))
        self.path = re.compile(f"^/{VARIABLE.sub(expression, re.escape(route))}/?$")


# Supported triggers, each with the further bindings that its functions may have.
SERVED = {
    "httpTrigger": {"http"},
    "timerTrigger": set(),
    "queueTrigger": set(),
    "blobTrigger": set(),
    "eventGridTrigger": set(),
}


def unserved(function):
    """Why a function is not supported; None if it is."""
    trigger = function.get_trigger()
    kind = getattr(trigger, "type", "no trigger")
    if kind not in SERVED:
        return f"its trigger is {kind}; local Azure has {', '.join(SERVED)}"
    if kind == "blobTrigger" and getattr(trigger.source, "value", trigger.source) != "EventGrid":
        return "its blob trigger polls, which Flex Consumption does not do; give it source=func.BlobSource.EVENT_GRID"
    others = {binding.type for binding in function.get_bindings() if binding is not trigger} - SERVED[kind]
    if others:
        return f"it has the binding {', '.join(sorted(others))}, which local Azure has not; call the service by its SDK"
    if os.environ.get(f"AzureWebJobs.{function.get_function_name()}.Disabled", "false").lower() in ("true", "1"):
        return f"the app setting AzureWebJobs.{function.get_function_name()}.Disabled is on"
    return None


def load(directory):
    """The functions of an app with HTTP triggers, and those with timers and queues, from `host.json` and
    `function_app.py`.
    """
    host = json.loads((directory / "host.json").read_text())
    extensions = host.get("extensions", {})
    prefix = extensions.get("http", {}).get("routePrefix", "api")
    # The Functions worker adds a handler to the root logger before it loads the app, which logs through it.
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    module = importlib.import_module("function_app")
    apps = [value for value in vars(module).values() if isinstance(value, (func.FunctionApp, func.AsgiFunctionApp, func.WsgiFunctionApp))]
    if not apps:
        raise SystemExit("function_app.py has no function app: no functions were found")
    functions, run = [], {"timers": [], "queues": [], "blobs": [], "events": []}
    for function in apps[0].get_functions():
        reason = unserved(function)
        if reason:
            logging.warning("the function %s is not served: %s", function.get_function_name(), reason)
        elif function.get_trigger().type == "timerTrigger":
            run["timers"].append(TimerFunction(function, str(directory)))
        elif function.get_trigger().type == "queueTrigger":
            run["queues"].append(QueueFunction(function, str(directory), extensions.get("queues", {})))
        elif function.get_trigger().type == "blobTrigger":
            run["blobs"].append(BlobFunction(function, str(directory)))
        elif function.get_trigger().type == "eventGridTrigger":
            run["events"].append(EventFunction(function, str(directory)))
        else:
            functions.append(HttpFunction(function, prefix, str(directory)))
    return functions, run


def handler_of(functions, run, loop):
    """Create a request handler that routes each request to the function with the matching trigger; `run` has the others, by kind."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One write for head and body, sent at once.
        wbufsize = -1
        disable_nagle_algorithm = True

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = urlsplit(f"http://{self.headers.get('Host', 'localhost')}{self.path}")
            if target.path == ADMIN or target.path.startswith(f"{ADMIN}/"):
                return self.administrate(target.path[len(ADMIN) + 1 :], body)
            for function in functions:
                match = function.path.match(unquote(target.path))
                if match and self.command in function.methods:
                    return self.invoke(function, target, match.groupdict(), body)
            return self.send(404, {}, b"")

        def administrate(self, name, body):
            if not name:
                listed = {kind: [function.listed() for function in all_of] for kind, all_of in run.items()}
                return self.send(200, {}, json.dumps(listed).encode(), "application/json")
            for function in [function for all_of in run.values() for function in all_of]:
                if function.name == name and self.command == "POST":
                    running = asyncio.run_coroutine_threadsafe(function.run(body), loop)
                    try:
                        running.result(TIMEOUT)
                    except Exception as error:
                        if not running.done():
                            return self.give_up(function)
                        traceback.print_exc()
                        return self.send(500, {}, f"{type(error).__name__}: {error}".encode())
                    return self.send(202, {}, b"")
            return self.send(404, {}, b"")

        def invoke(self, function, target, route_params, body):
            if not function.anonymous:
                return self.send(401, {}, b"")
            headers = {}
            for name, value in self.headers.items():
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            request = func.HttpRequest(
                method=self.command,
                url=target.geturl(),
                headers=headers,
                params=dict(parse_qsl(target.query, keep_blank_values=True)),
                route_params=route_params,
                body=body,
            )
            running = asyncio.run_coroutine_threadsafe(function(request), loop)
            try:
                response = running.result(TIMEOUT)
            except Exception:
                if not running.done():
                    return self.give_up(function)
                traceback.print_exc()
                return self.send(500, {}, b"")
            if isinstance(response, str):
                response = func.HttpResponse(response)
            return self.send(response.status_code, response.headers, response.get_body(), response.mimetype)

        def give_up(self, function):
            """The host ends the whole worker."""
            limit = os.environ[TIMEOUT_SETTING]
            told = f"Timeout value of {limit} exceeded by function 'Functions.{function.name}'. Initiating cancellation."
            print(told, file=sys.stderr, flush=True)
            self.send(500, {}, b"")
            os._exit(1)

        def send(self, status, headers, body, content_type="text/plain"):
            self.send_response_only(status)
            names = set()
            for name, value in headers.items():
                names.add(name.lower())
                if name.lower() not in ("content-length", "transfer-encoding"):
                    self.send_header(name, value)
            if body and "content-type" not in names:
                self.send_header("Content-Type", content_type)
            if status not in (204, 304):
                self.send_header("Content-Length", headers.get("content-length", str(len(body))))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

        def log_message(self, *args):
            """Only the functions write to the log."""

    return Handler


def main():
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    functions, run = load(directory)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(functions, run, loop))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
