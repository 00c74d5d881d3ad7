"""A caller of the sampler inside the box: takes commands as JSON lines, answers with JSON lines. Used by conftest.py.

Stands alone (it is copied into the box): only the standard library and dbus-fast.
"""

import asyncio
import fcntl
import json
import mmap
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dbus_fast import BusType, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "io.github.smoothtask.Sampler1"
PATH = "/io/github/smoothtask/Sampler1"
PACKET = struct.Struct("@IHHII")
SOCKET = struct.Struct("@6Q16s16s9I2H4B4x")
TRAFFIC = struct.Struct("@IIQ16s9QII")
UNIX_SOCKET = struct.Struct("@QQQIIIII4B112s")
UNIX_HOLDER = struct.Struct("@QQIIII16s")
PROPERTIES = "org.freedesktop.DBus.Properties"
TASK = struct.Struct("@4I11Q2I2B6x16s")
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


def plain(value: Any) -> Any:
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def frame_of(descriptor: int) -> dict[str, Any]:
    seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    view = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)
    head = struct.unpack_from("@IHHIIQQQ", view)
    sections = [struct.unpack_from("@IIIIQ", view, 40 + 24 * at) for at in range(head[2])]
    tasks, sockets, traffic = [], [], []
    for kind, record_bytes, count, _truncated, offset in sections:
        if kind == 1:
            rows = [TASK.unpack_from(view, offset + at * record_bytes) for at in range(count)]
            tasks = [[row[0], row[1], row[3], row[16]] for row in rows]
        elif kind == 4:
            rows = [SOCKET.unpack_from(view, offset + at * record_bytes) for at in range(count)]
            sockets = [
                {"pid": row[8], "uid": row[9], "sent": row[4], "received": row[5], "missing": row[16],
                 "local_port": row[17], "remote_port": row[18], "protocol": row[20], "state": row[21]}
                for row in rows
            ]  # fmt: skip
        elif kind == 6:
            rows = [TRAFFIC.unpack_from(view, offset + at * record_bytes) for at in range(count)]
            traffic = [{"pid": row[0], "uid": row[1], "tcp": row[6:8], "udp": row[9:11]} for row in rows]
    return {
        "sealed": seals & SEALS == SEALS,
        "inode": inode,
        "magic": head[0],
        "period_ms": head[4],
        "frame_bytes": head[5],
        "size": len(view),
        "boottime_ns": head[6],
        "sections": {section[0]: section[2] for section in sections},
        "tasks": tasks,  # pid, tgid, uid, missing
        "sockets": sockets,
        "traffic": traffic,
        **unix_tables(view, sections),
    }


def unix_tables(view: mmap.mmap, sections: list[tuple[int, ...]]) -> dict[str, list[dict[str, Any]]]:
    layouts = {28: UNIX_SOCKET, 29: UNIX_HOLDER}
    rows = {28: [], 29: []}
    for kind, record_bytes, count, _truncated, offset in sections:
        if kind in rows:
            rows[kind] = [layouts[kind].unpack_from(view, offset + at * record_bytes) for at in range(count)]
    return {
        "unix_sockets": [
            {"inode": row[1], "peer": row[2], "uid": row[3], "state": row[9], "name": row[12][: row[10]].hex()}
            for row in rows[28]
        ],
        "unix_holders": [{"inode": row[0], "pid": row[2], "owner": row[3], "fd": row[4]} for row in rows[29]],
    }


def stat_of(pid: int) -> str:
    return pathlib.Path(f"/proc/{pid}/stat").read_text()


class Client:
    def __init__(self) -> None:
        self.buses: dict[str, MessageBus] = {}
        self.streams: dict[int, socket.socket] = {}
        self.pending: dict[int, asyncio.Task[dict[str, Any]]] = {}
        self.children: dict[int, subprocess.Popen[bytes]] = {}

    async def connect(self, connection: str = "main", fd_passing: bool = True) -> str:
        self.buses[connection] = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=fd_passing).connect()
        return self.buses[connection].unique_name

    async def disconnect(self, connection: str = "main") -> None:
        bus = self.buses.pop(connection)
        bus.disconnect()
        await bus.wait_for_disconnect()

    def message(
        self,
        member: str,
        *,
        signature: str = "",
        body: Sequence[Any] = (),
        interface: str = NAME,
        path: str = PATH,
        destination: str | None = NAME,
        interactive: bool = False,
    ) -> Message:
        flags = MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else MessageFlag.NONE
        body = [Variant(*entry["variant"]) if isinstance(entry, dict) else entry for entry in body]
        return Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
            flags=flags,
        )

    async def call(self, member: str, *, connection: str = "main", **rest: Any) -> dict[str, Any]:
        reply = await self.buses[connection].call(self.message(member, **rest))
        if reply.message_type is MessageType.ERROR:
            return {"error": reply.error_name, "text": reply.body[0] if reply.body else ""}
        return {"error": None, "body": plain(reply.body), "fds": list(reply.unix_fds)}

    async def start_call(self, member: str, *, connection: str = "main", **rest: Any) -> None:
        """Sends a call and doesn't wait for its answer."""
        await self.buses[connection].send(self.message(member, **rest))

    async def later(self, number: int, **call: Any) -> None:
        """Sends a call whose answer is asked for by `answer`."""
        self.pending[number] = asyncio.create_task(self.call(**call))

    async def answer(self, number: int) -> dict[str, Any]:
        return await self.pending.pop(number)

    async def open(
        self, period_ms: int, kinds: int, connection: str = "main", interactive: bool = False
    ) -> dict[str, Any]:
        answer = await self.call(
            "OpenStream", signature="uu", body=[period_ms, kinds], connection=connection, interactive=interactive
        )
        if answer["error"]:
            return answer
        stream = socket.socket(fileno=answer["fds"][0])
        self.streams[stream.fileno()] = stream
        hello = await self.read(stream.fileno(), 1)
        return {"error": None, "stream": stream.fileno(), "hello": hello[0]}

    async def read(
        self, stream: int, count: int, timeout_s: float = 60, kind: int | None = None
    ) -> list[dict[str, Any]]:
        """The next `count` packets (of `kind`, if given); fewer if the stream ends."""
        packets = []
        while len(packets) < count:
            packet = await asyncio.to_thread(self.receive, self.streams[stream], timeout_s)
            if packet is None:
                break
            if kind is None or packet["kind"] == kind:
                packets.append(packet)
        return packets

    def receive(self, stream: socket.socket, timeout_s: float) -> dict[str, Any] | None:
        stream.settimeout(timeout_s)
        try:
            text, descriptors, _flags, _address = socket.recv_fds(stream, 65536, 1)
        except ConnectionResetError:
            return None
        if not text:
            return None
        magic, version, kind, byte_count, _ = PACKET.unpack_from(text)
        packet = {"magic": magic, "version": version, "kind": kind, "whole": byte_count == len(text)}
        body = text[PACKET.size :]
        if kind == 1:
            keys = ("stream_id", "period_ms", "kinds", "visibility", "uid")
            packet |= dict(zip(keys, struct.unpack("@QIIII", body), strict=True))
        elif kind == 2:
            keys = ("sequence", "lost_ticks", "lost_events", "frame_bytes")
            packet |= dict(zip(keys, struct.unpack("@QQQQ", body), strict=True))
            packet["frame"] = frame_of(descriptors[0])
        elif kind == 3:
            packet["event"] = struct.unpack_from("@I", body)[0]
            packet["numbers"] = list(struct.unpack_from("@4I", body, 16))
            if packet["event"] == 6:
                row = SOCKET.unpack_from(body, 16)
                packet["closed"] = {"pid": row[8], "uid": row[9], "sent": row[4], "received": row[5],
                                    "local_port": row[17], "remote_port": row[18]}  # fmt: skip
        else:
            packet["reason"] = struct.unpack("@II", body)[0]
        return packet

    async def hung_up(self, stream: int, timeout_s: float = 60) -> bool:
        """Whether the helper has closed its end within the time."""
        poll = select.poll()
        poll.register(self.streams[stream], 0)
        return bool(await asyncio.to_thread(poll.poll, timeout_s * 1000))

    async def close_stream(self, stream: int) -> None:
        self.streams.pop(stream).close()

    async def open_and_drop(self, count: int, pause_s: float = 0.0125) -> list[dict[str, Any]]:
        """Opens and closes streams one after the other, at most 80 a second unless told; returns the errors."""
        errors = []
        for _ in range(count):
            for _attempt in range(4):  # a polkit that stalls does so for 15 seconds: helper/sampler/revocation.py
                answer = await self.call("OpenStream", signature="uu", body=[60000, 1])
                if "PolicyKit1 didn't answer" not in answer.get("text", ""):
                    break
            if answer["error"]:
                errors.append(answer)
            else:
                os.close(answer["fds"][0])
            await asyncio.sleep(pause_s)
        return errors

    async def flood(self, clients: int, calls: int) -> dict[str, int]:
        """`clients` connections with `calls` pipelined calls each; how many answers of each kind came."""
        buses = [await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect() for _ in range(clients)]
        answers = await asyncio.gather(
            *(
                bus.call(
                    self.message("GetAll", signature="s", body=[NAME], interface="org.freedesktop.DBus.Properties")
                )
                for bus in buses
                for _ in range(calls)
            )
        )
        for bus in buses:
            bus.disconnect()
        return dict(Counter(answer.error_name or "answered" for answer in answers))

    async def paced(self, clients: int, calls: int, per_second: int) -> dict[str, int]:
        """As `flood`, but the calls of all connections together come at this pace."""
        buses = [await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect() for _ in range(clients)]
        answers = []
        for number in range(clients * calls):
            question = self.message("Get", signature="ss", body=[NAME, "Version"], interface=PROPERTIES)
            answers.append(asyncio.ensure_future(buses[number % clients].call(question)))
            await asyncio.sleep(1 / per_second)
        names = [answer.error_name or "answered" for answer in await asyncio.gather(*answers)]
        for bus in buses:
            bus.disconnect()
        return dict(Counter(names))

    async def answers(self, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers to calls that are all sent before any is answered."""
        return await asyncio.gather(*(self.call(**call) for call in calls))

    async def call_with_much(self, entries: int = 0, depth: int = 0) -> dict[str, Any]:
        """Calls with a dictionary of so many entries, the last one a value wrapped in so many variants."""
        value = Variant("u", 1)
        for _ in range(depth):
            value = Variant("v", value)
        body = [{str(number): Variant("u", number) for number in range(entries)} | {"deep": value}]
        message = Message(
            destination=NAME, path=PATH, interface=NAME, member="OpenStream", signature="a{sv}", body=body
        )
        reply = await self.buses["main"].call(message)
        return {"error": reply.error_name, "text": reply.body[0]}

    async def spoof(self, destination: str | None = None) -> None:
        """Sends a signal that bears the sampler's interface."""
        await self.buses["main"].send(
            Message(message_type=MessageType.SIGNAL, destination=destination, path=PATH, interface=NAME, member="Spoof")
        )

    async def overhear(self, rule: str) -> dict[str, Any]:
        """From now on all messages that are not meant for this connection are kept; `rule`: the match to add."""
        bus = self.buses["main"]
        self.overheard: list[list[str]] = []

        def keep(message: Message) -> None:
            if message.destination != bus.unique_name and message.sender != "org.freedesktop.DBus":
                self.overheard.append([message.sender or "", message.interface or "", message.member or ""])

        bus.add_message_handler(keep)
        return await self.call(
            "AddMatch", signature="s", body=[rule], interface="org.freedesktop.DBus", path="/org/freedesktop/DBus",
            destination="org.freedesktop.DBus",
        )  # fmt: skip

    async def what_was_overheard(self) -> list[list[str]]:
        return self.overheard

    async def listen(self, rule: str) -> dict[str, Any]:
        """From now on signals that bear the sampler's interface are counted; `rule`: the match to add."""
        self.heard = 0

        def count(message: Message) -> None:
            if message.message_type is MessageType.SIGNAL and message.interface == NAME:
                self.heard += 1

        self.buses["main"].add_message_handler(count)
        return await self.call(
            "AddMatch",
            signature="s",
            body=[rule],
            interface="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            destination="org.freedesktop.DBus",
        )

    async def talk(self, sent: int, received: int) -> dict[str, int]:
        """A TCP connection of this process to itself that carries so many bytes each way and stays open."""
        return await asyncio.to_thread(self._talk, sent, received)

    def _talk(self, sent: int, received: int) -> dict[str, int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far = listener.accept()[0]
        for sender, taker, count in ((near, far, sent), (far, near, received)):
            left = count
            while left:
                left_here = len(bytes(min(left, 16384)))
                sender.sendall(bytes(left_here))
                got = 0
                while got < left_here:
                    got += len(taker.recv(65536))
                left -= left_here
        self.talks = (near, far)
        return {"pid": os.getpid(), "near": near.getsockname()[1], "far": far.getsockname()[1]}

    async def talk_unix(self, name: str) -> dict[str, int]:
        """A connection of this process to itself through an abstract name, which stays open."""
        listener, near = (socket.socket(socket.AF_UNIX) for _ in range(2))
        listener.bind("\0" + name)
        listener.listen()
        near.connect("\0" + name)
        self.unix_talks = (listener, near, listener.accept()[0])
        keys = ("listener", "near", "far")
        inodes = {key: os.fstat(one.fileno()).st_ino for key, one in zip(keys, self.unix_talks, strict=True)}
        return {"pid": os.getpid()} | inodes

    async def hang_up(self) -> None:
        """Closes the connection of `talk`."""
        for one in self.talks:
            one.close()

    async def heard_signals(self) -> int:
        return self.heard

    async def start(self, words: Sequence[str]) -> dict[str, int]:
        """A child that goes on until the client ends; a line of `tell` reaches its standard input."""
        child = await asyncio.to_thread(subprocess.Popen, words, stdin=subprocess.PIPE)
        self.children[child.pid] = child
        fields = stat_of(child.pid).rpartition(")")[2].split()
        return {"pid": child.pid, "start_ns": int(fields[19]) * 10**9 // os.sysconf("SC_CLK_TCK")}

    async def tell(self, pid: int) -> None:
        """Sends the child a line."""
        self.children[pid].stdin.write(b"\n")
        self.children[pid].stdin.flush()

    async def ended(self, pid: int) -> int:
        """Waits for the child; how it ended."""
        return await asyncio.to_thread(self.children[pid].wait, 30)

    async def spawn_and_end(self) -> int:
        """A child that lives for a moment and is reaped."""
        child = os.fork()
        if child == 0:
            os.execvp("sleep", ["sleep", "0.3"])
        await asyncio.to_thread(os.waitpid, child, 0)
        return child


async def main() -> None:
    client = Client()
    while line := await asyncio.to_thread(sys.stdin.readline):
        request = json.loads(line)
        answer = await getattr(client, request.pop("do"))(**request)
        print(json.dumps(answer), flush=True)
    for child in client.children.values():
        child.kill()


asyncio.run(main())
