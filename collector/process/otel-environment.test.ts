import { expect, test } from 'vitest'
import { parseResourceAttributes, readOtelNames } from './otel-environment.ts'

function environ(...variables: string[]): Buffer {
  return Buffer.from(variables.map((variable) => `${variable}\0`).join(''))
}

test('reads the service name', () => {
  const names = readOtelNames(environ('PATH=/bin', 'OTEL_SERVICE_NAME=checkout', 'HOME=/'))
  expect(names).toEqual({ service: 'checkout', version: null })
})

test('reads name and version from the resource attributes', () => {
  const attributes = 'deployment.environment=prod,service.name=checkout,service.version=4.2.0'
  expect(readOtelNames(environ(`OTEL_RESOURCE_ATTRIBUTES=${attributes}`))).toEqual({
    service: 'checkout',
    version: '4.2.0',
  })
})

test('prefers the service name over the attribute, as the specification says', () => {
  const names = readOtelNames(
    environ('OTEL_RESOURCE_ATTRIBUTES=service.name=a', 'OTEL_SERVICE_NAME=b'),
  )
  expect(names.service).toBe('b')
})

test('treats an empty service name as not set', () => {
  const names = readOtelNames(
    environ('OTEL_SERVICE_NAME=', 'OTEL_RESOURCE_ATTRIBUTES=service.name=a'),
  )
  expect(names.service).toBe('a')
})

test('is not misled by a variable whose name or value only contains the name', () => {
  const names = readOtelNames(
    environ('X_OTEL_SERVICE_NAME=no', 'NOTE=OTEL_SERVICE_NAME=no', 'OTEL_SERVICE_NAME=yes'),
  )
  expect(names.service).toBe('yes')
})

test('reads a variable cut off at the end of what was read', () => {
  expect(readOtelNames(Buffer.from('A=1\0OTEL_SERVICE_NAME=check')).service).toBe('check')
})

test('knows nothing of an empty environment', () => {
  expect(readOtelNames(Buffer.alloc(0))).toEqual({ service: null, version: null })
})

test('undoes percent-encoding and leaves out pairs that cannot be read', () => {
  const text = 'service.name=check%20out%2C%20fast, service.version = 1 ,bad=%zz,novalue,=x'
  expect([...parseResourceAttributes(text)]).toEqual([
    ['service.name', 'check out, fast'],
    ['service.version', '1'],
  ])
})
