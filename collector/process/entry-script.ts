// What an interpreter runs, from its command line. The name of an interpreter says nothing about the
// service; its script, module or archive does.

export type Entry =
  /** A file: relative to the working directory unless absolute. */
  | { readonly kind: 'script'; readonly path: string }
  /** Python's -m, or Java's main class. */
  | { readonly kind: 'module'; readonly name: string }
  /** Nothing that names it: code on the command line, an interactive session. */
  | { readonly kind: 'none' }

type Interpreter = {
  /** Base names of executables, without version suffix. */
  readonly executable: RegExp
  readonly find: (args: readonly string[]) => Entry
}

const NONE: Entry = { kind: 'none' }

const INTERPRETERS: readonly Interpreter[] = [
  { executable: /^(node|nodejs)(-?\d[\d.]*)?$/, find: findNodeEntry },
  { executable: /^(python|pypy)(\d[\d.]*)?(-dbg|t)?$/, find: findPythonEntry },
  {
    executable: /^(ruby|jruby|truffleruby)(\d[\d.]*)?$/,
    find: clusterFinder({ code: 'e', valued: 'CEIr' }),
  },
  { executable: /^perl(\d[\d.]*)?$/, find: clusterFinder({ code: 'eE', valued: 'I' }) },
  {
    executable: /^php(\d[\d.]*)?$/,
    find: clusterFinder({ code: 'rBRE', valued: 'cdtzSF', script: 'f' }),
  },
  { executable: /^java$/, find: findJavaEntry },
]

/**
 * The entry of the interpreter `executable` (a base name) started with `args` (argv without the
 * first); null when the executable is no interpreter we know.
 */
export function findEntry(executable: string, args: readonly string[]): Entry | null {
  const interpreter = INTERPRETERS.find(({ executable: known }) => known.test(executable))
  return interpreter ? interpreter.find(args) : null
}

// https://nodejs.org/api/cli.html: long options take their value after `=` or as the next argument.
const NODE_VALUED = new Set([
  ...['-C', '-r', '--conditions', '--require', '--import', '--loader', '--experimental-loader'],
  ...['--env-file', '--env-file-if-exists', '--title', '--icu-data-dir', '--input-type'],
  ...['--diagnostic-dir', '--disable-warning', '--dns-result-order', '--inspect-port'],
  ...['--openssl-config', '--redirect-warnings', '--report-directory', '--report-filename'],
  ...['--stack-trace-limit', '--trace-event-categories', '--unhandled-rejections', '--watch-path'],
  ...['--max-http-header-size', '--cpu-prof-dir', '--heap-prof-dir', '--experimental-config-file'],
])
const NODE_CODE = new Set(['-e', '--eval', '-p', '--print', '-pe', '-i', '--interactive'])

function findNodeEntry(args: readonly string[]): Entry {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (arg === '--') return scriptOrNone(args[i + 1])
    if (NODE_CODE.has(arg)) return NONE
    // `node inspect server.js` and `node --run`: the first runs what follows it.
    if (NODE_VALUED.has(arg)) i++
    else if (!arg.startsWith('-') && arg !== 'inspect') return scriptOrNone(arg)
  }
  return NONE
}

// https://docs.python.org/3/using/cmdline.html: short options cluster, c m W X take the rest of the
// cluster or the next argument; c and m end the options.
function findPythonEntry(args: readonly string[]): Entry {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (!arg.startsWith('-') || arg === '-') return scriptOrNone(arg)
    if (arg.startsWith('--')) {
      if (arg === '--check-hash-based-pycs') i++
      continue
    }
    const at = arg.search(/[cmWXQ]/)
    if (at < 0) continue
    const value = arg.slice(at + 1) || args[++i]
    if (arg[at] === 'c') return NONE
    if (arg[at] === 'm') return value ? { kind: 'module', name: value } : NONE
  }
  return NONE
}

type ClusterOptions = {
  /** Letters after which code or a mode without script follows. */
  readonly code: string
  /** Letters that take a value: the rest of the argument or, when that is empty, the next one. */
  readonly valued: string
  /** Letter whose value is the script. */
  readonly script?: string
}

// Ruby, Perl and PHP share getopt's manner: the first argument that is no option is the script.
function clusterFinder({ code, valued, script = '' }: ClusterOptions) {
  return function findClusterEntry(args: readonly string[]): Entry {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string
      if (arg === '--') return scriptOrNone(args[i + 1])
      if (!arg.startsWith('-') || arg === '-') return scriptOrNone(arg)
      if (arg.startsWith('--')) continue
      for (let at = 1; at < arg.length; at++) {
        const letter = arg[at] as string
        if (code.includes(letter)) return NONE
        if (letter === script) return scriptOrNone(arg.slice(at + 1) || args[i + 1])
        if (valued.includes(letter)) {
          if (at === arg.length - 1) i++
          break
        }
        // Perl's -M and -i, Ruby's -W and -T and the like carry a value of their own, always attached.
        if (!/[a-z]/.test(letter) || 'mi'.includes(letter)) break
      }
    }
    return NONE
  }
}

// https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html
const JAVA_VALUED = new Set([
  ...['-cp', '-classpath', '--class-path', '-p', '--module-path', '--upgrade-module-path'],
  ...['--add-modules', '--add-exports', '--add-opens', '--add-reads', '--limit-modules'],
  ...['--patch-module', '--enable-native-access', '--source', '--describe-module', '-d'],
])

function findJavaEntry(args: readonly string[]): Entry {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (arg === '-jar') return scriptOrNone(args[i + 1])
    if (arg === '-m' || arg === '--module') return moduleOrNone(args[i + 1])
    if (arg.startsWith('--module=')) return moduleOrNone(arg.slice('--module='.length))
    if (JAVA_VALUED.has(arg)) i++
    else if (arg.endsWith('.java')) return scriptOrNone(arg)
    else if (!arg.startsWith('-') && !arg.startsWith('@')) return moduleOrNone(arg)
  }
  return NONE
}

function scriptOrNone(path: string | undefined): Entry {
  return path && path !== '-' ? { kind: 'script', path } : NONE
}

function moduleOrNone(name: string | undefined): Entry {
  return name ? { kind: 'module', name } : NONE
}

// Directories that hold what a build put out, and file names that many services have: neither names
// one, and two services of a host that both start `server.js` must not become one.
const ANONYMOUS = new Set([
  ...['', '.', '..', 'index', '__main__', '__init__'],
  ...['main', 'server', 'app', 'cli', 'run', 'start', 'manage'],
])
const BUILD_DIRECTORIES = new Set(['', '.', '..', 'dist', 'build', 'out', 'lib', 'src', 'bin'])

/**
 * The name of a service by what its interpreter runs; null when that says nothing. A version in an
 * archive's name (`checkout-1.4.2.jar`) is left out: with it every deploy would be another service.
 */
export function nameEntry(entry: Entry, workingDirectory: string): string | null {
  if (entry.kind === 'none') return null
  if (entry.kind === 'module') return entry.name.replace(/\.__main__$/, '')
  const parts = entry.path.split('/')
  const file = parts.pop() ?? ''
  const name = file
    .replace(/\.(js|mjs|cjs|ts|mts|cts|jsx|tsx|py|pyc|pyz|rb|pl|php|phar|jar|war|java)$/i, '')
    .replace(/-v?\d+(\.\d+)+([-.+][\w.+-]*)?$/, '')
  if (!ANONYMOUS.has(name)) return name || null
  const directories = [...(entry.path.startsWith('/') ? [] : workingDirectory.split('/')), ...parts]
  return directories.findLast((directory) => !BUILD_DIRECTORIES.has(directory)) ?? null
}

/**
 * A program that writes its own title over its arguments (`gunicorn: master [app]`, `puma 5.6 …`)
 * leaves no script to see; the first word of the title names it. Null when `argv0` is no title.
 */
export function nameTitle(executable: string, argv0: string): string | null {
  const word = /^([A-Za-z][\w.+-]*)(?=$|[:\s])/.exec(argv0)?.[1]
  if (!word || word === executable) return null
  // `python3` for python3.11, `node` for node20: a link's name, no title.
  const stem = executable.replace(/[\d.-]+$/, '')
  return word.replace(/[\d.-]+$/, '') === stem ? null : word
}
