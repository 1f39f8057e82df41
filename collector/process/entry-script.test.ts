import { describe, expect, test } from 'vitest'
import { findEntry, nameEntry, nameTitle } from './entry-script.ts'

function script(path: string) {
  return { kind: 'script', path }
}

function module(name: string) {
  return { kind: 'module', name }
}

const NONE = { kind: 'none' }

describe('finds what an interpreter runs', () => {
  test.each([
    ['node', 'server.js', script('server.js')],
    [
      'node',
      '--max-old-space-size=512 --inspect dist/server.js --port 80',
      script('dist/server.js'),
    ],
    ['node', '-r dotenv/config --import tsx ./src/main.ts', script('./src/main.ts')],
    ['node', '--env-file .env -- app.mjs', script('app.mjs')],
    ['node', '-e console.log(1)', NONE],
    ['node', '--watch-path src inspect app.js', script('app.js')],
    ['node', '', NONE],
    ['nodejs', 'a.js', script('a.js')],
    ['node-22', 'a.js', script('a.js')],
    ['python3.11', 'server.py --debug', script('server.py')],
    ['python3', '-u -W ignore -X dev server.py', script('server.py')],
    ['python3', '-m gunicorn app:app', module('gunicorn')],
    ['python3', '-um http.server 80', module('http.server')],
    ['python3', '-muvicorn app:app', module('uvicorn')],
    ['python3', '-c print(1) x.py', NONE],
    ['python3', '-Bc print(1)', NONE],
    ['python3', '-', NONE],
    ['python3', '--check-hash-based-pycs always a.py', script('a.py')],
    ['pypy3', 'a.py', script('a.py')],
    ['ruby', '-Ilib -rbundler/setup -W0 bin/rails server', script('bin/rails')],
    ['ruby3.1', '-r json -I lib app.rb', script('app.rb')],
    ['ruby', '-ne puts', NONE],
    ['perl', '-w -Mstrict -I lib daemon.pl', script('daemon.pl')],
    ['perl5.36.0', '-i.bak -0777 -pe s/a/b/ file', NONE],
    ['php8.2', '-d memory_limit=1G -f worker.php', script('worker.php')],
    ['php', '-dmemory_limit=1G artisan queue:work', script('artisan')],
    ['php', '-S 127.0.0.1:80 -t public router.php', script('router.php')],
    ['php', '-r echo 1;', NONE],
    [
      'java',
      '-Xmx1g -Dx=y -cp lib/* -jar /app/checkout-1.4.2.jar --spring',
      script('/app/checkout-1.4.2.jar'),
    ],
    ['java', '-cp app.jar:lib/* com.acme.Checkout', module('com.acme.Checkout')],
    [
      'java',
      '--add-opens java.base/java.lang=ALL-UNNAMED -m shop/com.acme.Main',
      module('shop/com.acme.Main'),
    ],
    ['java', '--module=shop', module('shop')],
    ['java', '--source 21 Main.java', script('Main.java')],
    ['java', '-version', NONE],
  ])('%s %s', (executable, line, expected) => {
    expect(findEntry(executable, line === '' ? [] : line.split(' '))).toEqual(expected)
  })

  test.each(['nginx', 'bash', 'php-fpm8.2', 'nodemon', 'javac', 'pythonic', ''])(
    '%s is no interpreter',
    (executable) => {
      expect(findEntry(executable, ['x.py'])).toBeNull()
    },
  )
})

describe('names a service by what is run', () => {
  test.each([
    ['orders.py', '/srv', 'orders'],
    ['/usr/local/bin/gunicorn', '/', 'gunicorn'],
    ['./dist/main.js', '/srv/checkout', 'checkout'],
    ['server.js', '/srv/checkout', 'checkout'],
    ['index.js', '/srv/checkout', 'checkout'],
    ['dist/index.js', '/srv/checkout', 'checkout'],
    ['/srv/checkout/src/index.mjs', '/', 'checkout'],
    ['.', '/srv/checkout', 'checkout'],
    ['/srv/tool/__main__.py', '/', 'tool'],
    ['/app/checkout-1.4.2.jar', '/', 'checkout'],
    ['/app/checkout-1.4.2-SNAPSHOT.jar', '/', 'checkout'],
    ['/app/log4j2.jar', '/', 'log4j2'],
  ])('%s in %s is %s', (path, workingDirectory, name) => {
    expect(nameEntry({ kind: 'script', path }, workingDirectory)).toBe(name)
  })

  test('a module by its name', () => {
    expect(nameEntry({ kind: 'module', name: 'gunicorn' }, '/')).toBe('gunicorn')
    expect(nameEntry({ kind: 'module', name: 'tool.__main__' }, '/')).toBe('tool')
  })

  test('nothing names it', () => {
    expect(nameEntry({ kind: 'none' }, '/srv/app')).toBeNull()
    expect(nameEntry({ kind: 'script', path: 'index.js' }, '/')).toBeNull()
  })
})

describe('names a service by the title it gave itself', () => {
  test.each([
    ['python3.11', 'gunicorn: master [app:app]', 'gunicorn'],
    ['ruby3.1', 'puma 6.4.0 (tcp://0.0.0.0:3000) [shop]', 'puma'],
    ['node', 'checkout-worker', 'checkout-worker'],
    ['python3.11', 'python3', null],
    ['python3.11', 'python', null],
    ['node', 'node', null],
    ['node', '/usr/bin/node', null],
    ['node', '', null],
    ['node', '[weird]', null],
  ])('%s with argv[0] %j is %s', (executable, argv0, name) => {
    expect(nameTitle(executable, argv0)).toBe(name)
  })
})
