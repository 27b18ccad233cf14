"""What the supervisor can be asked to do over its control socket: `{"do": "links.cut", ...}` calls `links.cut`.

One module per ability, found by its name; a verb is a coroutine function of (supervisor, **fields) whose result is
JSON.  DrillyardErrors travel to the caller.  Standard library only.
"""
