import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Plugin } from 'vite'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const MODULES = new URL('./node_modules/', import.meta.url)

/** Puts the licences of all that the page is built from beside it, as they ask for. */
export function notices(): Plugin {
  return {
    name: 'notices',
    apply: 'build',
    generateBundle() {
      const own = manifest(new URL('./', import.meta.url))
      const names = [...reached(Object.keys(own.dependencies ?? {}))].sort()
      this.emitFile({
        type: 'asset',
        fileName: 'licenses.txt',
        source: names.map(notice).join('\n'),
      })
    },
  }
}

/** Packages, and the packages that they depend on. */
function reached(names: readonly string[], known = new Set<string>()): Set<string> {
  for (const name of names) {
    if (known.has(name)) continue
    known.add(name)
    reached(Object.keys(manifest(folder(name)).dependencies ?? {}), known)
  }
  return known
}

function notice(name: string): string {
  const place = folder(name)
  const { version, license = 'see below' } = manifest(place)
  const file = readdirSync(place).find((one) => /^licen[cs]e/i.test(one))
  const text = file ? readFileSync(new URL(file, place), 'utf8').trim() : ''
  return `${name} ${version} (${license})\n\n${text}\n\n${'-'.repeat(72)}\n`
}

function folder(name: string): URL {
  const place = new URL(`${name}/`, MODULES)
  if (!existsSync(place)) throw new Error(`${name} is not installed`)
  return place
}

function manifest(place: URL): Manifest {
  return JSON.parse(readFileSync(new URL('package.json', place), 'utf8')) as Manifest
}
