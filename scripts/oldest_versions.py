"""Print the lower bounds of setup.cfg as exact versions, for pip's -c: python scripts/oldest_versions.py setup.cfg."""

import configparser
import re
import sys

config = configparser.ConfigParser()
config.read(sys.argv[1], encoding="utf-8")
for line in (config["options"]["install_requires"] + config["options.extras_require"]["scale"]).split():
    name, bound = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?>=([\w.]+)", line).groups()
    print(f"{name}=={bound}")
