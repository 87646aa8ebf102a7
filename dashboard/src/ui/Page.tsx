import { useEffect, useRef, type ReactNode } from 'react'
import { Link } from 'wouter'

interface PageProps {
  readonly title: string
  /** Where the page belongs: the list that it is one of. */
  readonly up?: { readonly href: string; readonly label: string }
  /** Beside the title: a status, an id. */
  readonly aside?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A page: its name is the document's title, and where reading begins when one arrives. */
export function Page({ title, up, aside, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Tripmeter`
  }, [title])
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <>
      <header className="page-head">
        {up && (
          <Link className="up" href={up.href}>
            {up.label}
          </Link>
        )}
        <div className="page-title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {aside}
          {actions && <div className="actions">{actions}</div>}
        </div>
      </header>
      {children}
    </>
  )
}

interface SectionProps {
  readonly title: string
  readonly note?: ReactNode
  readonly actions?: ReactNode
  readonly flush?: boolean
  readonly children: ReactNode
}

/** A part of a page, on a sheet of its own. `flush` for tables, which bring their own margins. */
export function Section({ title, note, actions, flush = false, children }: SectionProps) {
  return (
    <section className={`sheet${flush ? ' flush' : ''}`} aria-label={title}>
      <div className="sheet-head">
        <h2>{title}</h2>
        {note && <span className="note">{note}</span>}
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </section>
  )
}

/** Names and values, one below the other. Rows without a value are left out. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  const shown = rows.filter(
    ([, value]) => value !== null && value !== undefined && value !== '' && value !== false,
  )
  return (
    <dl className="facts">
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
