export const DEFAULT_DATA_DIR = '.verdict'

/** The option of every command that speaks with a cluster on this machine. */
export const dataDirOption = {
  kind: 'text',
  value: 'DIR',
  default: DEFAULT_DATA_DIR,
  help: 'where `verdict dev` keeps keys, journal, streams and log',
} as const
