const HTML: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}
const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
}

export function htmlEscaped(text: string): string {
  return text.replaceAll(/["'&<>\0]/g, (character) => HTML[character] ?? character)
}

export function jsEscaped(text: string): string {
  return text.replaceAll(/[\\'"<>&=]|[^ \p{L}\p{M}\p{N}\p{P}\p{S}]/gu, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    return JS[character] ?? `\\u${hex}`
  })
}

/** As in the query of a URL. */
export function queryEscaped(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
