"""What the packages are made for, whichever machine makes them: Python 3.13 on Linux.

https://cloud.google.com/run/docs/runtimes/python
"""

RUNTIME = "python313"

MARKERS = {
    "implementation_name": "cpython",
    "implementation_version": "3.13.0",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}
"""By which a package says what it needs where: https://packaging.python.org/specifications/dependency-specifiers/"""
