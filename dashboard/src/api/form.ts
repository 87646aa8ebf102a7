/** What a form's fields may hold: nested as in the API's description. */
export type Given = string | number | boolean | null | undefined | readonly Given[] | GivenRecord
export interface GivenRecord {
  readonly [name: string]: Given
}

/**
 * Encodes parameters as Stripe's API takes them: `{a: {b: [1]}}` is `a[b][0]=1`. What is undefined
 * is left out; null is sent blank, which unsets.
 */
export function encodeForm(given: object): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) add(form, name, value as Given)
  return form
}

function add(form: URLSearchParams, name: string, value: Given): void {
  if (value === undefined) return
  if (value === null) form.append(name, '')
  else if (Array.isArray(value))
    value.forEach((item: Given, at) => add(form, `${name}[${at}]`, item))
  else if (typeof value === 'object')
    for (const [key, item] of Object.entries(value)) add(form, `${name}[${key}]`, item)
  else form.append(name, String(value))
}

/** The parameters of an HTML form whose fields are named as the API names them; blanks left out. */
export function formParams(form: HTMLFormElement): URLSearchParams {
  const params = new URLSearchParams()
  for (const [name, value] of new FormData(form)) {
    if (typeof value === 'string' && value.trim() !== '') params.append(name, value.trim())
  }
  return params
}
