import type { ReactNode } from 'react'
import { Link } from 'wouter'
import type { Pages } from '@/api/queries'
import { useSpeech } from '@/words/language'
import { Button } from './Button'
import { Problem, Skeleton } from './State'

export interface Column<T> {
  readonly name: string
  readonly cell: (row: T) => ReactNode
  readonly align?: 'end'
  /** For a column whose cells say what they are. */
  readonly isNameHidden?: boolean
  /** Left out on narrow screens. */
  readonly wide?: boolean
}

interface TableProps<T> {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  /** Where a row leads; its first cell is the link, and the whole row takes the click. */
  readonly href?: (row: T) => string
}

export function Table<T>({ label, columns, rows, keyOf, href }: TableProps<T>) {
  return (
    <div className="table" role="group" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={classOf(column)}>
                {column.isNameHidden ? <span className="hidden">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} className={href ? 'leads' : ''}>
              {columns.map((column, at) => (
                <td key={column.name} className={classOf(column)}>
                  {href && at === 0 ? (
                    <Link href={href(row)}>{column.cell(row)}</Link>
                  ) : (
                    column.cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function classOf<T>({ align, wide }: Column<T>): string {
  return [align, wide && 'wide'].filter(Boolean).join(' ')
}

interface ListedPages<T> extends Pages {
  readonly rows: readonly T[] | undefined
  readonly error: Error | null
  readonly refetch: () => unknown
}

/** A page of a list, with the way on; `empty` when there is nothing at all. */
export function PagedTable<T>({
  pages,
  empty,
  ...table
}: Omit<TableProps<T>, 'rows'> & { pages: ListedPages<T>; empty: ReactNode }) {
  if (pages.rows === undefined) {
    return pages.error ? (
      <Problem error={pages.error} retry={pages.refetch} />
    ) : (
      <Skeleton rows={8} />
    )
  }
  if (pages.rows.length === 0 && pages.isFirst) return <>{empty}</>
  return (
    <>
      {pages.error && <Problem error={pages.error} retry={pages.refetch} />}
      <div className={pages.isPlaceholderData ? 'stale' : ''}>
        <Table {...table} rows={pages.rows} />
      </div>
      <Pager {...pages} />
    </>
  )
}

export function Pager({ isFirst, isLast, next, back, isPlaceholderData }: Pages) {
  const { t } = useSpeech()
  if (isFirst && isLast) return null
  return (
    <nav className="pager" aria-label={t('Further pages')}>
      <Button small icon="left" disabled={isFirst} onClick={back}>
        {t('Back')}
      </Button>
      <Button small icon="right" disabled={isLast || isPlaceholderData} onClick={next}>
        {t('Next')}
      </Button>
    </nav>
  )
}
