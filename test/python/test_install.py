"""``pip install ./runtime/python`` gives a working package, types included."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv

from harness import PACKAGES


def has_pip():
    try:
        import pip  # noqa: F401

        return True
    except ImportError:
        return False


@unittest.skipUnless(has_pip(), "this Python has no pip")
class Install(unittest.TestCase):
    def test_the_installed_package_declares_an_app_and_has_its_data(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        source = os.path.join(folder, "source")
        shutil.copytree(PACKAGES, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
        target = os.path.join(folder, "target")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--target", target, source]
        subprocess.run(command, check=True, timeout=120, stderr=subprocess.PIPE)
        for path in ("velar/py.typed", "velar/prices.json", "velar_worker/py.typed", "velar_worker/runner.py"):
            self.assertTrue(os.path.isfile(os.path.join(target, path)), path)
        made = os.path.join(folder, "venv")
        venv.create(made, with_pip=False)
        code = "import velar; print(velar.VelarClient().get_gpu_prices()['L4'].usd_per_hour)"
        import build_backend
        import velar

        self.assertEqual(build_backend.VERSION, velar.__version__)
        with open(os.path.join(PACKAGES, "pyproject.toml")) as file:
            self.assertIn('version = "%s"' % velar.__version__, file.read())
        out = subprocess.run(
            [os.path.join(made, "bin", "python"), "-c", code],
            env={"PYTHONPATH": target},
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
        )
        self.assertEqual(out.stdout.strip(), b"0.59")


if __name__ == "__main__":
    unittest.main()
