"""The describe service: real modules, imported in a child, over its real frames."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from harness import PACKAGES

from velar._framing import FrameBuffer, message, parse_message


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen(
            [sys.executable, "-m", "velar_worker.describe", "--serve"],
            env={**os.environ, "PYTHONPATH": PACKAGES, "VELAR_TOKEN": "secret"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        cls.buffer = FrameBuffer()
        cls.addClassCleanup(cls.stop)
        cls.answers = {}
        cls.number = 0

    @classmethod
    def stop(cls):
        cls.process.stdin.close()
        assert cls.process.wait(10) == 0
        cls.process.stdout.close()

    def ask(self, files, file="app.py"):
        """Starts a description; returns its number."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for path, text in files.items():
            whole = os.path.join(folder.name, path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "w") as out:
                out.write(textwrap.dedent(text))
        type(self).number += 1
        header = {"type": "describe", "id": self.number, "root": folder.name, "file": file}
        self.process.stdin.write(message(header))
        self.process.stdin.flush()
        return self.number

    def answer(self, number):
        while number not in self.answers:
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            assert chunk, "the service ended"
            for _, payload in self.buffer.feed(chunk):
                header, _ = parse_message(payload)
                self.answers[header["id"]] = header
        return self.answers.pop(number)

    def describe(self, files, file="app.py"):
        answer = self.answer(self.ask(files, file))
        self.assertEqual(answer["type"], "described", answer)
        return answer["apps"]

    def functions(self, files, file="app.py"):
        (app,) = self.describe(files, file)
        return {function["qualname"]: function for function in app["functions"]}

    def failure(self, files, file="app.py"):
        answer = self.answer(self.ask(files, file))
        self.assertEqual(answer["type"], "describe-failed", answer)
        return answer["error"]

    def test_modules_under_src_are_found_from_everywhere(self):
        files = {
            "src/shop/__init__.py": "",
            "src/shop/sizes.py": "GPU = 'L4'\n",
            "src/plain.py": "GPU = 'A100'\n",
        }
        text = "import velar\nimport %s as m\napp = velar.App('a')\n@app.function(gpu=m.GPU)\ndef f(): ...\n"
        for file, module, gpu in (
            ("app.py", "shop.sizes", "L4"),
            ("jobs/app.py", "plain", "A100"),
            ("src/app.py", "shop.sizes", "L4"),
            ("src/shop/app.py", "plain", "A100"),
        ):
            with self.subTest(file=file):
                found = self.functions({**files, file: text % module}, file)
                self.assertEqual(found["f"]["options"]["gpu"], [{"name": gpu, "count": 1}])

    def test_a_script_under_src_that_imports_itself_is_one_module(self):
        apps = self.describe(
            {
                "src/tools/app.py": "import velar\napp = velar.App('a')\nimport tools.app as again\n"
                "@app.function()\ndef f(): ...\n",
            },
            "src/tools/app.py",
        )
        self.assertEqual(len(apps), 1)

    def test_docstrings_are_told_as_written_and_not_without_end(self):
        found = self.functions(
            {
                "app.py": '''
                import velar
                app = velar.App("demo")

                @app.function()
                def told():
                    \"\"\"Adds.

                    Then:
                        twice.
                    \"\"\"

                @app.function()
                def silent(): ...

                @app.function()
                def long(): ...
                long.raw_function.__doc__ = "x" * 5000
                '''
            }
        )
        self.assertEqual(found["told"]["doc"], "Adds.\n\nThen:\n    twice.")
        self.assertNotIn("doc", found["silent"])
        self.assertEqual(len(found["long"]["doc"]), 4000)

    def test_options_images_and_parameters_come_from_the_real_objects(self):
        found = self.functions(
            {
                "requirements.txt": "x\n",
                "app.py": """
                import velar
                CUDA = "12.1"
                GPUS = ["L4", velar.gpu.A100(count=2)]
                image = velar.Image.from_registry(f"nvidia/cuda:{CUDA}").pip_install_from_requirements("requirements.txt")
                for name in ("a", "b"):
                    image = image.pip_install(name)
                app = velar.App("demo")

                @app.function(gpu=GPUS, image=image, timeout=60, retries=2, memory=512, cpu=1.5, env={"A": "1"},
                              secrets=[velar.Secret.from_name("hf"), velar.Secret.from_dict({"K": "v"})],
                              volumes={"/data": velar.Volume.from_name("d")})
                def f(a, b: "int" = 1 + 1, /, c: list = [1, 2], *args: str, d, e=None, **kwargs):
                    yield 1

                @app.endpoint
                async def g(): ...
                """,
            }
        )
        f = found["f"]
        self.assertEqual((f["kind"], f["line"], f["generator"], f["async"]), ("function", 13, True, False))
        self.assertEqual(
            [(p["name"], p["annotation"], p["default"], p["kind"]) for p in f["parameters"]],
            [
                ("a", None, None, "positional_only"),
                ("b", '"int"', "1 + 1", "positional_only"),
                ("c", "list", "[1, 2]", "positional_or_keyword"),
                ("args", "str", None, "var_positional"),
                ("d", None, None, "keyword_only"),
                ("e", None, "None", "keyword_only"),
                ("kwargs", None, None, "var_keyword"),
            ],
        )
        options = f["options"]
        self.assertEqual(options["gpu"], [{"name": "L4", "count": 1}, {"name": "A100", "count": 2}])
        self.assertEqual((options["timeoutMs"], options["retries"], options["memoryMiB"]), (60000, 2, 512))
        self.assertEqual(options["secrets"], [{"name": "hf"}, {"values": {"K": "v"}}])
        self.assertEqual(options["volumes"], {"/data": "d"})
        image = f["image"]
        self.assertEqual(image["base"], {"kind": "registry", "tag": "nvidia/cuda:12.1", "file": "app.py", "line": 5})
        self.assertEqual(
            [(layer["kind"], layer["line"], layer["file"]) for layer in image["layers"]],
            [("requirements", 5, "app.py"), ("pip", 7, "app.py"), ("pip", 7, "app.py")],
        )
        g = found["g"]
        self.assertEqual((g["kind"], g["async"], g["options"]["minContainers"]), ("endpoint", True, 1))
        base = {"kind": "debian_slim", "pythonVersion": None, "file": "app.py", "line": 16}
        self.assertEqual(g["image"], {"base": base, "layers": []})

    def test_classes_methods_entrypoints_and_sibling_modules(self):
        found = self.functions(
            {
                "pkg/__init__.py": "",
                "pkg/shared.py": "import velar\napp = velar.App('shared')\n",
                "pkg/app.py": """
                from .shared import app
                import velar

                @app.cls(gpu="H100")
                class Model:
                    def __init__(self, name: str = "gpt2"): ...
                    @velar.method()
                    def ask(self, prompt: str): ...

                @app.local_entrypoint()
                def main(n: int = 3): ...
                """,
            },
            "pkg/app.py",
        )
        self.assertEqual(list(found), ["Model", "Model.ask", "main"])
        self.assertEqual([found[name]["kind"] for name in found], ["cls", "method", "local_entrypoint"])
        self.assertEqual([found[name]["line"] for name in found], [6, 9, 12])
        self.assertEqual([p["name"] for p in found["Model"]["parameters"]], ["name"])
        self.assertEqual([p["name"] for p in found["Model.ask"]["parameters"]], ["prompt"])
        self.assertEqual(found["Model.ask"]["options"]["gpu"], [{"name": "H100", "count": 1}])

    def test_third_party_code_at_the_top_of_a_module_is_passed(self):
        found = self.functions(
            {
                "app.py": """
                from __future__ import annotations
                import os, torch, numpy as np
                import torch.nn.functional as F
                from torch import nn
                from transformers import AutoModel, pipeline
                from pydantic import BaseModel, Field
                from typing import List, Optional
                import velar

                DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
                torch.backends.cudnn.benchmark = True
                torch.manual_seed(0)
                SCALE = 1 / np.sqrt(64) + np.pi ** 2
                PATH = os.path.join(np.__file__ if False else "x", "y")
                TABLE = {key: np.zeros(3)[0] for key in "ab"}
                for item in torch.range(3):
                    print(item)
                with torch.inference_mode():
                    pass
                assert np.float32 is not None and not isinstance(3, np.ndarray)
                Number = Optional[np.float32]

                class Request(BaseModel, frozen=True):
                    text: str = Field(default="x")

                class Net(nn.Module, torch.jit.Mixin):
                    layers: List[nn.Linear] = []
                    def __init__(self):
                        super().__init__()
                        self.layer = nn.Linear(2, 2)

                net = Net()
                net.layer(np.zeros(2)).sum().backward()
                app = velar.App("heavy")

                @app.function(gpu="L4")
                @torch.no_grad()
                @np.vectorize
                def f(x: torch.Tensor = torch.zeros(3)) -> Request:
                    return net(x)
                """
            }
        )
        self.assertEqual(found["f"]["parameters"][0]["default"], "torch.zeros(3)")
        self.assertEqual(found["f"]["parameters"][0]["annotation"], "torch.Tensor")

    def test_optional_imports_of_the_standard_library_stay_missing(self):
        files = {"app.py": "import pickle, decimal, uuid, zipfile, copy\nimport velar\napp = velar.App('x')\n"}
        self.assertEqual(self.describe(files)[0]["name"], "x")

    def test_a_wrong_option_points_at_its_line(self):
        error = self.failure({"app.py": "import velar\napp = velar.App('x')\n\n@app.function(gpus='L4')\ndef f(): ...\n"})
        self.assertEqual((error["type"], error["kind"]), ("TypeError", "user"))
        self.assertEqual([(f["file"], f["line"]) for f in error["traceback"]], [("app.py", 4)])
        self.assertIn('Did you mean "gpu"', error["message"])

    def test_a_wrong_option_in_a_sibling_points_there(self):
        error = self.failure(
            {"app.py": "import parts\n", "parts.py": "import velar\nimage = velar.Image.debian_slim().pip_install('')\n"}
        )
        self.assertEqual([(f["file"], f["line"]) for f in error["traceback"]], [("app.py", 1), ("parts.py", 2)])

    def test_an_option_that_depends_on_a_package_says_which(self):
        error = self.failure(
            {"app.py": "import torch, velar\napp = velar.App('x')\n@app.function(gpu=torch.cuda.name)\ndef f(): ...\n"}
        )
        self.assertIn("torch.cuda.name", error["message"])
        self.assertEqual(error["traceback"][-1]["line"], 3)

    def test_a_file_that_the_image_names_must_be_there(self):
        error = self.failure(
            {"app.py": "import velar\nimage = velar.Image.debian_slim().add_local_file('no.txt', '/x')\n"
             "app = velar.App('x')\n@app.function(image=image)\ndef f(): ...\n"}
        )
        self.assertEqual((error["traceback"][0]["line"], error["type"]), (2, "FileNotFoundError"))
        self.assertIn("no.txt", error["message"])

    def test_prints_exits_and_crashes_of_the_module_do_not_disturb_the_service(self):
        self.assertEqual(self.describe({"app.py": "print('x' * 100000)\nimport velar\napp = velar.App('p')\n"})[0]["name"], "p")
        self.assertEqual(self.failure({"app.py": "import sys\nsys.exit(3)\n"})["type"], "SystemExit")
        self.assertEqual(self.failure({"app.py": "import os\nos._exit(3)\n"})["type"], "DescribeCrashed")
        self.assertEqual(self.failure({"app.py": "def f(:\n"})["traceback"][-1]["line"], 1)
        self.assertEqual(self.failure({"other.py": ""})["type"], "FileNotFoundError")

    def test_one_slow_module_does_not_hold_up_another_and_is_ended(self):
        slow = self.ask({"app.py": "import time\ntime.sleep(60)\n"})
        self.assertEqual(self.describe({"app.py": "import velar\napp = velar.App('fast')\n"})[0]["name"], "fast")
        error = self.answer(slow)["error"]
        self.assertEqual(error["type"], "DescribeTimeout")
        self.assertIn("enter method", error["hint"])

    def test_a_module_ends_even_when_its_server_is_gone(self):
        found = self.functions(
            {
                "app.py": "import signal, velar\napp = velar.App('a')\n"
                "@app.function(timeout=signal.getitimer(signal.ITIMER_REAL)[0])\ndef f(): ...\n",
            }
        )
        self.assertLess(found["f"]["options"]["timeoutMs"], 15001)

    def test_the_module_sees_nothing_of_the_runtime(self):
        files = {"app.py": "import os, velar\napp = velar.App('-'.join(n for n in os.environ if 'VELAR' in n) or 'none')\n"}
        self.assertEqual(self.describe(files)[0]["name"], "none")


class CommandLine(unittest.TestCase):
    def test_one_file_as_json(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "app.py"), "w") as file:
                file.write("import velar\napp = velar.App('x')\n")
            out = subprocess.run(
                [sys.executable, "-m", "velar_worker.describe", folder, "app.py"],
                env={**os.environ, "PYTHONPATH": PACKAGES},
                stdout=subprocess.PIPE,
                check=True,
            )
            self.assertEqual(json.loads(out.stdout), {"type": "described", "apps": [{"name": "x", "functions": []}]})


if __name__ == "__main__":
    unittest.main()
