"""Small programs that a lab's pods run to say whether a policy is enforced: code 0 when it is, within so many seconds.

CUT_OFF   SECONDS HOST:PORT ...   whether none of these is reached
NAMELESS  SECONDS                 whether the pod's name server does not answer
"""

CUT_OFF = """
import socket, sys, time
ends = time.monotonic() + float(sys.argv[1])
for door in sys.argv[2:]:
    host, _, port = door.rpartition(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=0.3).close()
        except OSError:
            break
        if time.monotonic() > ends:
            sys.exit(door + " is still reached")
"""
NAMELESS = """
import socket, sys, time
server = next(line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver"))
asks = bytes([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7]) + b"cluster" + bytes([5]) + b"local" + bytes([0, 0, 1, 0, 1])
ends = time.monotonic() + float(sys.argv[1])
while time.monotonic() < ends:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server:
        name_server.settimeout(0.5)
        try:
            name_server.connect((server, 53))
            name_server.send(asks)
            name_server.recv(512)
        except OSError:
            sys.exit(0)
sys.exit(server + " still answers")
"""
