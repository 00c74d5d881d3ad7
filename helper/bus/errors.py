"""The bus errors a caller may get; names as in resources/dbus/io.github.smoothtask.*1.xml."""

_OURS = "io.github.smoothtask.Error."
NOT_AUTHORIZED = _OURS + "NotAuthorized"
INVALID_ARGUMENT = _OURS + "InvalidArgument"
LIMITS_EXCEEDED = _OURS + "LimitsExceeded"
UNAVAILABLE = _OURS + "Unavailable"
NO_SUCH_STREAM = _OURS + "NoSuchStream"
GONE = _OURS + "Gone"
PROTECTED = _OURS + "Protected"
CHANGED = _OURS + "Changed"
NOT_POSSIBLE = _OURS + "NotPossible"

UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_INTERFACE = "org.freedesktop.DBus.Error.UnknownInterface"
UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"
PROPERTY_READ_ONLY = "org.freedesktop.DBus.Error.PropertyReadOnly"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
FAILED = "org.freedesktop.DBus.Error.Failed"


class Refusal(Exception):  # noqa: N818  an answer to the caller, not a fault of ours
    """A call is answered with an error: its bus name, and a sentence that says what, on what and why."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text
