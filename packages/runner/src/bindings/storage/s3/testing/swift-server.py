"""One node of OpenStack Swift with its S3 API, in one process, for tests: proxy, account, container and object
servers on loopback ports of their own choice, with data in the directory that is the first argument. Prints the
S3 port on one line when it serves; ends when its standard input does.
"""

import eventlet

eventlet.monkey_patch()

import os
import sys
import threading

directory = sys.argv[1]
names = ("account", "container", "object", "proxy")
sockets = {name: eventlet.listen(("127.0.0.1", 0), backlog=256) for name in names}
ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
etc, devices = os.path.join(directory, "etc"), os.path.join(directory, "devices")
os.makedirs(etc)
os.makedirs(os.path.join(devices, "disk"))


def write(name, text):
    path = os.path.join(etc, name)
    with open(path, "w") as file:
        file.write(text)
    return path


swift_conf = write(
    "swift.conf",
    """[swift-hash]
swift_hash_path_prefix = test
swift_hash_path_suffix = test
[storage-policy:0]
name = one
default = yes
[swift-constraints]
max_header_size = 32768
max_meta_value_length = 8192
max_meta_overall_size = 32768
""",
)

# Modules of Swift read its configuration as they are imported.
import swift.common.utils as utils

utils.SWIFT_CONF_FILE = swift_conf
import swift.common.storage_policy as storage_policy

storage_policy.SWIFT_CONF_FILE = swift_conf
utils.validate_configuration()
storage_policy.reload_storage_policies()

from eventlet import wsgi
from swift.common.ring import RingBuilder
from swift.common.wsgi import SwiftHttpProtocol, loadapp

for name in ("account", "container", "object"):
    # 2^0 partitions in one copy.
    builder = RingBuilder(0, 1, 0)
    builder.add_dev(
        {
            "id": 0,
            "region": 1,
            "zone": 1,
            "ip": "127.0.0.1",
            "port": ports[name],
            "replication_ip": "127.0.0.1",
            "replication_port": ports[name],
            "device": "disk",
            "weight": 1.0,
        }
    )
    builder.rebalance(seed=1)
    builder.get_ring().save(os.path.join(etc, name + ".ring.gz"))

common = f"""[DEFAULT]
swift_dir = {etc}
devices = {devices}
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = ERROR
"""
for name in ("account", "container", "object"):
    write(
        f"{name}.conf",
        f"""{common}
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
allow_open_expired = true
""",
    )
write(
    "proxy.conf",
    f"""{common}
[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
max_upload_part_num = 10000
multi_delete_concurrency = 10
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
rate_limit_under_size = 0
""",
)


class Quiet:
    def write(self, text):
        pass

    def flush(self):
        pass


servers = []
for name in names:
    app = loadapp(os.path.join(etc, f"{name}.conf"), global_conf={"log_name": name})
    servers.append(
        eventlet.spawn(
            wsgi.server, sockets[name], app, log=sys.stderr, log_output=False, protocol=SwiftHttpProtocol, max_size=256
        )
    )
print(ports["proxy"], flush=True)
eventlet.tpool.execute(sys.stdin.read)
