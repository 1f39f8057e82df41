import pino from 'pino'

export type Log = pino.Logger

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * The root logger of a process: JSON lines on stderr (stdout belongs to the output of commands).
 * Messages are constant phrases, data is in fields; rooms take `log.child({ room })`.
 */
export function createLog(level: (typeof LOG_LEVELS)[number] = 'info'): Log {
  return pino(
    {
      level,
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}

export function silentLog(): Log {
  return pino({ level: 'silent' })
}
