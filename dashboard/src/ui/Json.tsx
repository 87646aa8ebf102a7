import { Fragment } from 'react'
import { Code } from './Copy'

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** JSON, laid out and coloured. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2)
  return (
    <div className="json">
      <Code text={text} label={label}>
        {coloured(text)}
      </Code>
    </div>
  )
}

function coloured(text: string) {
  const parts: (readonly [string, string])[] = []
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    parts.push(['', text.slice(end, match.index)])
    const [whole, string, colon] = match
    if (string && colon) parts.push(['key', string], ['', colon])
    else parts.push([string ? 'text' : 'value', whole])
    end = match.index + whole.length
  }
  parts.push(['', text.slice(end)])
  return parts.map(([kind, part], at) => (
    <Fragment key={at}>{kind ? <span className={kind}>{part}</span> : part}</Fragment>
  ))
}
