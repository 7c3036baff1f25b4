"""Builds the NVML stand-in and starts the sampler on it. No hardware: see nvml_stand_in.c."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

from . import PACKAGES

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nvml_stand_in.c")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
GIB = 1 << 30

L4 = """card 0
name NVIDIA L4
uuid GPU-6ec7a1d8-0000-1111-2222-333344445555
total 24152899584
reserved 400000000
used 5368709120
gpu 87
memory 41
temperature 61
power 71234
limit 72000
compute 4711 4294967296
compute 4712 1000
graphics 4711 4294967296
graphics 99 18446744073709551615
"""


class StandIn:
    """A folder with the library and its script."""

    def __init__(self, script, driver=550):
        self.folder = tempfile.mkdtemp(prefix="velar-nvml-")
        self.library = os.path.join(self.folder, "libnvidia-ml.so.1")
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-DDRIVER=%d" % driver]
        subprocess.run([*command, "-o", self.library, SOURCE, "-ldl"], check=True)
        self.script(script)

    def script(self, text):
        """What the cards tell from the next sample on."""
        path = os.path.join(self.folder, "nvml.script")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write("driver 550.54.15\n" + text)
        os.replace(path + ".new", path)

    def start(self):
        """The sampler's process, with pipes in text mode."""
        return subprocess.Popen(
            [sys.executable, "-S", "-m", "velar_worker.nvml", self.library],
            env={"PYTHONPATH": PACKAGES, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self):
        shutil.rmtree(self.folder)


def send(process, **command):
    """One command for a sampler."""
    process.stdin.write(json.dumps(command) + "\n")
    process.stdin.flush()


def receive(process):
    """The sampler's next line."""
    return json.loads(process.stdout.readline())
