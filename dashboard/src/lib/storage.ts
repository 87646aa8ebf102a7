/** What the browser remembers for this person. Storage may be switched off: then it forgets. */

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`tripmeter.${key}`)
  } catch {
    return null
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`tripmeter.${key}`)
    else localStorage.setItem(`tripmeter.${key}`, value)
  } catch {
    // It is a convenience, not a need.
  }
}
