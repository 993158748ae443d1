"""The distribution's liblxc, as far as configuration goes: by its C interface, because the Python binding takes answers apart."""
import ctypes
import os
import shutil

LIBRARY = "/usr/lib/x86_64-linux-gnu/liblxc.so.1"
# Offsets of the members of struct lxc_container.
LOAD_CONFIG, SET_ITEM, SAVE_CONFIG, CLEAR_ITEM, GET_ITEM, GET_KEYS = 128, 192, 208, 264, 272, 288
POINTER, TEXT, INT, BOOL = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_bool


def why_not():
    """Why there is nothing to compare with; empty when there is."""
    if not os.path.exists(LIBRARY):
        return "no liblxc of the distribution at " + LIBRARY
    return ""


def version():
    library = ctypes.CDLL(LIBRARY)
    library.lxc_get_version.restype = TEXT
    return library.lxc_get_version().decode()


def forget(directory):
    """Removes what liblxc leaves of a lxcpath that is gone."""
    shutil.rmtree("/run/lxc/lock" + directory, ignore_errors=True)


class Container:
    def __init__(self, directory, name="c"):
        self.lxc = ctypes.CDLL(LIBRARY)
        self.lxc.lxc_container_new.restype = POINTER
        self.lxc.lxc_container_new.argtypes = [TEXT, TEXT]
        self.lxc.lxc_container_put.argtypes = [POINTER]
        self.file = os.path.join(directory, "saved")
        self.handle = self.lxc.lxc_container_new(name.encode(), directory.encode())
        if not self.handle:
            raise RuntimeError("lxc_container_new failed")

    def put(self):
        self.lxc.lxc_container_put(self.handle)

    def call(self, offset, result, types, *words):
        address = POINTER.from_address(self.handle + offset).value
        return ctypes.CFUNCTYPE(result, POINTER, *types)(address)(self.handle, *words)

    def text_of(self, offset, key):
        length = self.call(offset, INT, [TEXT, TEXT, INT], key, None, 0)
        if length < 0:
            return None
        buffer = ctypes.create_string_buffer(length + 1)
        again = self.call(offset, INT, [TEXT, TEXT, INT], key, ctypes.cast(buffer, TEXT), length + 1)
        return None if again < 0 else buffer.value

    def set(self, key, value):
        return self.call(SET_ITEM, BOOL, [TEXT, TEXT], key, value)

    def clear(self, key):
        return self.call(CLEAR_ITEM, BOOL, [TEXT], key)

    def get(self, key):
        return self.text_of(GET_ITEM, key)

    def keys(self, prefix=b""):
        return self.text_of(GET_KEYS, prefix or None)

    def load(self, path):
        return self.call(LOAD_CONFIG, BOOL, [TEXT], path)

    def text(self):
        if not self.call(SAVE_CONFIG, BOOL, [TEXT], self.file.encode()):
            return None
        with open(self.file, "rb") as saved:
            return saved.read()
