/**
 * Modules of the standard library by Python version: `sys.stdlib_module_names` of CPython 3.11.7, 3.12.1, 3.13.0 and
 * 3.14.0, without those that do not exist on Linux, and their submodules as `pkgutil` finds them. A test compares the
 * list with installed interpreters.
 */
const everywhere = words(`
  __future__ __main__ _abc _aix_support _ast _asyncio _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk
  _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections _collections_abc _compat_pickle
  _contextvars _csv _ctypes _curses _curses_panel _datetime _dbm _decimal _elementtree _frozen_importlib
  _frozen_importlib_external _functools _gdbm _hashlib _heapq _imp _io _json _locale _lsprof _lzma _markupbase _md5
  _multibytecodec _multiprocessing _opcode _operator _osx_support _pickle _posixshmem _posixsubprocess _py_abc
  _pydecimal _pyio _queue _random _sha1 _sha3 _signal _sitebuiltins _socket _sqlite3 _sre _ssl _stat _statistics
  _string _strptime _struct _symtable _thread _threading_local _tkinter _tokenize _tracemalloc _typing _uuid
  _warnings _weakref _weakrefset _zoneinfo abc antigravity argparse array ast asyncio asyncio.base_events
  asyncio.base_futures asyncio.base_subprocess asyncio.base_tasks asyncio.constants asyncio.coroutines
  asyncio.events asyncio.exceptions asyncio.format_helpers asyncio.futures asyncio.locks asyncio.log asyncio.mixins
  asyncio.proactor_events asyncio.protocols asyncio.queues asyncio.runners asyncio.selector_events asyncio.sslproto
  asyncio.staggered asyncio.streams asyncio.subprocess asyncio.taskgroups asyncio.tasks asyncio.threads
  asyncio.timeouts asyncio.transports asyncio.trsock asyncio.unix_events asyncio.windows_events
  asyncio.windows_utils atexit base64 bdb binascii bisect builtins bz2 cProfile calendar cmath cmd code codecs
  codeop collections collections.abc colorsys compileall concurrent concurrent.futures concurrent.futures._base
  concurrent.futures.process concurrent.futures.thread configparser contextlib contextvars copy copyreg csv ctypes
  ctypes._aix ctypes._endian ctypes.util ctypes.wintypes curses curses.ascii curses.has_key curses.panel
  curses.textpad dataclasses datetime dbm dbm.dumb dbm.gnu dbm.ndbm decimal difflib dis doctest email
  email._encoded_words email._header_value_parser email._parseaddr email._policybase email.base64mime email.charset
  email.contentmanager email.encoders email.errors email.feedparser email.generator email.header
  email.headerregistry email.iterators email.message email.mime email.mime.application email.mime.audio
  email.mime.base email.mime.image email.mime.message email.mime.multipart email.mime.nonmultipart email.mime.text
  email.parser email.policy email.quoprimime email.utils encodings ensurepip enum errno faulthandler fcntl filecmp
  fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib
  heapq hmac html html.entities html.parser http http.client http.cookiejar http.cookies http.server idlelib imaplib
  importlib importlib._abc importlib._bootstrap importlib._bootstrap_external importlib.abc importlib.machinery
  importlib.metadata importlib.metadata._adapters importlib.metadata._collections importlib.metadata._functools
  importlib.metadata._itertools importlib.metadata._meta importlib.metadata._text importlib.readers
  importlib.resources importlib.resources._adapters importlib.resources._common importlib.resources._itertools
  importlib.resources.abc importlib.resources.readers importlib.resources.simple importlib.simple importlib.util
  inspect io ipaddress itertools json json.decoder json.encoder json.scanner json.tool keyword linecache locale
  logging logging.config logging.handlers lzma mailbox marshal math mimetypes mmap modulefinder multiprocessing
  multiprocessing.connection multiprocessing.context multiprocessing.dummy multiprocessing.dummy.connection
  multiprocessing.forkserver multiprocessing.heap multiprocessing.managers multiprocessing.pool
  multiprocessing.popen_fork multiprocessing.popen_forkserver multiprocessing.popen_spawn_posix
  multiprocessing.popen_spawn_win32 multiprocessing.process multiprocessing.queues multiprocessing.reduction
  multiprocessing.resource_sharer multiprocessing.resource_tracker multiprocessing.shared_memory
  multiprocessing.sharedctypes multiprocessing.spawn multiprocessing.synchronize multiprocessing.util netrc ntpath
  nturl2path numbers opcode operator optparse os os.path pathlib pdb pickle pickletools pkgutil platform plistlib
  poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri
  random re re._casefix re._compiler re._constants re._parser readline reprlib resource rlcompleter runpy sched
  secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sqlite3.dbapi2
  sqlite3.dump sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess symtable
  sys sysconfig syslog tabnanny tarfile tempfile termios textwrap this threading time timeit tkinter token tokenize
  tomllib tomllib._parser tomllib._re tomllib._types trace traceback tracemalloc tty turtle turtledemo types typing
  unicodedata unittest unittest._log unittest.async_case unittest.case unittest.loader unittest.main unittest.mock
  unittest.result unittest.runner unittest.signals unittest.suite unittest.util urllib urllib.error urllib.parse
  urllib.request urllib.response urllib.robotparser uuid venv warnings wave weakref webbrowser wsgiref
  wsgiref.handlers wsgiref.headers wsgiref.simple_server wsgiref.types wsgiref.util wsgiref.validate xml xml.dom
  xml.dom.NodeFilter xml.dom.domreg xml.dom.expatbuilder xml.dom.minicompat xml.dom.minidom xml.dom.pulldom
  xml.dom.xmlbuilder xml.etree xml.etree.ElementInclude xml.etree.ElementPath xml.etree.ElementTree
  xml.etree.cElementTree xml.parsers xml.parsers.expat xml.sax xml.sax._exceptions xml.sax.expatreader
  xml.sax.handler xml.sax.saxutils xml.sax.xmlreader xmlrpc xmlrpc.client xmlrpc.server zipapp zipfile zipimport
  zlib zoneinfo zoneinfo._common zoneinfo._tzpath zoneinfo._zoneinfo
`);

const only: Readonly<Record<string, ReadonlySet<string>>> = {
  "3.11": words(`
    _bootsubprocess _compression _crypt _sha256 _sha512 aifc asynchat asyncore audioop cgi cgitb chunk crypt
    distutils imghdr imp importlib.resources._legacy lib2to3 mailcap nis nntplib ossaudiodev pipes smtpd sndhdr
    spwd sunau telnetlib uu xdrlib
  `),
  "3.12": words(`
    _compression _crypt _pydatetime _pylong _sha2 aifc audioop cgi cgitb chunk crypt imghdr
    importlib.resources._legacy lib2to3 mailcap nis nntplib ossaudiodev pipes sndhdr spwd sunau telnetlib uu
    xdrlib zipfile._path zipfile._path.glob
  `),
  "3.13": words(`
    _android_support _colorize _compression _interpchannels _interpqueues _interpreters _ios_support
    _opcode_metadata _pydatetime _pylong _pyrepl _sha2 _suggestions _sysconfig dbm.sqlite3
    importlib.metadata.diagnose importlib.resources._functional pathlib._abc pathlib._local zipfile._path
    zipfile._path.glob
  `),
  "3.14": words(`
    _android_support _ast_unparse _colorize _hmac _interpchannels _interpqueues _interpreters _ios_support
    _opcode_metadata _py_warnings _pydatetime _pylong _pyrepl _remote_debugging _sha2 _suggestions _sysconfig
    _types _zstd annotationlib asyncio.graph asyncio.tools compression compression._common
    compression._common._streams compression.bz2 compression.gzip compression.lzma compression.zlib
    compression.zstd compression.zstd._zstdfile concurrent.futures.interpreter concurrent.interpreters
    concurrent.interpreters._crossinterp concurrent.interpreters._queues ctypes._layout dbm.sqlite3
    importlib.metadata.diagnose importlib.resources._functional pathlib._local pathlib._os pathlib.types
    string.templatelib zipfile._path zipfile._path.glob
  `),
};

/** Packages whose submodules are not listed, because they are rarely misspelt: any submodule is assumed to exist. */
const unlisted: ReadonlySet<string> = words(
  "_pyrepl distutils encodings ensurepip idlelib lib2to3 pydoc_data tkinter turtledemo",
);

/** Whether the standard library of a Python version has a module on Linux, e.g. `concurrent.futures`. */
export function inStandardLibrary(module: string, pythonVersion: string): boolean {
  const [top = ""] = module.split(".", 1);
  const has = (name: string) => everywhere.has(name) || (only[pythonVersion]?.has(name) ?? false);
  return has(module) || (unlisted.has(top) && has(top));
}

/** All listed modules of a Python version. */
export function standardLibrary(pythonVersion: string): string[] {
  return [...everywhere, ...(only[pythonVersion] ?? [])].sort();
}

function words(text: string): Set<string> {
  return new Set(text.trim().split(/\s+/));
}
