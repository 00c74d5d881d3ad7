"""A scripted polkit authentication agent for the session it runs in; the password is checked by the real PAM.

Usage: agent.py SESSION right|wrong|dismiss|crash PASSWORD. Says "ready", and for each prompt what it shows, in JSON.
Stands alone (it is copied into the box): only the standard library and dbus-fast.
"""

import asyncio
import json
import os
import pwd
import sys

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

POLKIT = "org.freedesktop.PolicyKit1"
HELPER = "/usr/lib/polkit-1/polkit-agent-helper-1"


async def authenticate(cookie: str, user: str, password: str) -> None:
    """Drives polkit's own helper, which asks PAM and tells polkitd the result."""
    pipe = asyncio.subprocess.PIPE
    helper = await asyncio.create_subprocess_exec(HELPER, user, stdin=pipe, stdout=pipe)
    helper.stdin.write(f"{cookie}\n".encode())
    while line := (await helper.stdout.readline()).decode().strip():
        if line.startswith("PAM_PROMPT_ECHO_OFF"):
            helper.stdin.write(f"{password}\n".encode())
        elif line in ("SUCCESS", "FAILURE"):
            break
    helper.stdin.close()
    await helper.wait()


async def main(session: str, mode: str, password: str) -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    async def answer(message: Message) -> None:
        action, text, _icon, details, cookie, identities = message.body
        print(json.dumps({"action": action, "text": text, "details": details}), flush=True)
        if mode == "crash":
            os._exit(3)
        if mode == "dismiss":
            await bus.send(Message.new_error(message, f"{POLKIT}.Error.Cancelled", "dismissed"))
            return
        user = pwd.getpwuid(identities[0][1]["uid"].value).pw_name
        await authenticate(cookie, user, password if mode == "right" else f"not {password}")
        await bus.send(Message.new_method_return(message))

    def receive(message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or not message.interface.startswith(POLKIT):
            return None
        if message.member == "BeginAuthentication":
            tasks.append(asyncio.get_running_loop().create_task(answer(message)))
            return True
        return Message.new_method_return(message)

    tasks: list[asyncio.Task[None]] = []
    bus.add_message_handler(receive)
    reply = await bus.call(
        Message(
            destination=POLKIT, path="/org/freedesktop/PolicyKit1/Authority", interface=f"{POLKIT}.Authority",
            member="RegisterAuthenticationAgent", signature="(sa{sv})ss",
            body=[["unix-session", {"session-id": Variant("s", session)}], "en_US.UTF-8", "/agent"],
        )
    )  # fmt: skip
    print("ready" if reply.message_type is MessageType.METHOD_RETURN else reply.body, flush=True)
    await bus.wait_for_disconnect()


asyncio.run(main(*sys.argv[1:]))
