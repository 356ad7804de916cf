import { VerdictError } from '@verdict/contract'

export const ServiceErrorCode = {
  /** Settings are malformed, missing or unknown; `problems` lists all of them. */
  invalidConfig: 'invalid_config',
  /** An address to listen on is in use, not permitted, or not of this machine. */
  cannotListen: 'cannot_listen',
  /** The service did not stop in time; what it still held is in the message. */
  stopTimedOut: 'stop_timed_out',
  /** One of the processes of a service could not start, or did not stop in order. */
  processFailed: 'process_failed',
  /** The process that adds up the metrics of all does not answer. */
  metricsUnavailable: 'metrics_unavailable',
} as const
export type ServiceErrorCode = (typeof ServiceErrorCode)[keyof typeof ServiceErrorCode]

export class ServiceError extends VerdictError<ServiceErrorCode> {
  override readonly name = 'ServiceError'
}

/** One setting that can't be used. */
export interface ConfigProblem {
  /** The name of the environment variable. */
  readonly env: string
  /** One line: the name, the value unless it is secret, and the accepted form. */
  readonly message: string
}

export class ConfigError extends VerdictError<typeof ServiceErrorCode.invalidConfig> {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(ServiceErrorCode.invalidConfig, problems.map(({ message }) => message).join('; '))
    this.problems = problems
  }
}

/** What an HTTP endpoint may answer instead of its result. */
export const HttpErrorCode = {
  /** The request is malformed; the message says how. */
  badRequest: 'bad_request',
  /** Nobody knows who asks: no credential was sent, or not a valid one. */
  unauthenticated: 'unauthenticated',
  /** A policy does not let the caller do this; the message has its reason. */
  forbidden: 'forbidden',
  /** There is nothing under this path, or nothing of this id. */
  notFound: 'not_found',
  /** It was there, and was removed for good: its period of retention is over. */
  pruned: 'pruned',
  /** The request did not arrive in time. */
  requestTimeout: 'request_timeout',
  /** The body is longer than this endpoint takes. */
  bodyTooLarge: 'body_too_large',
  /** The headers are longer than this endpoint takes. */
  headersTooLarge: 'headers_too_large',
  /** The path, or a part of it, is longer than this endpoint takes. */
  uriTooLong: 'uri_too_long',
  /** The body is of a media type that this endpoint does not read. */
  unsupportedMediaType: 'unsupported_media_type',
  /** A bound of the service is reached: ask again later. */
  tooManyRequests: 'too_many_requests',
  /** A fault of the service; its log says which. */
  internal: 'internal',
  /** The service is not ready, stops, or has no room: ask later, or another copy. */
  unavailable: 'unavailable',
} as const
export type HttpErrorCode = (typeof HttpErrorCode)[keyof typeof HttpErrorCode]

/** The status of each code. */
export const HTTP_STATUS: Readonly<Record<HttpErrorCode, number>> = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  request_timeout: 408,
  pruned: 410,
  body_too_large: 413,
  uri_too_long: 414,
  unsupported_media_type: 415,
  too_many_requests: 429,
  headers_too_large: 431,
  internal: 500,
  unavailable: 503,
}

/** Thrown by a route: the message of a code below 500 goes to the caller, word for word. */
export class HttpError extends VerdictError<HttpErrorCode> {
  override readonly name = 'HttpError'
}
