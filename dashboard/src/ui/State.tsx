import type { ReactNode } from 'react'
import { ApiError, Unreachable } from '@/api/error'
import { useSpeech } from '@/words/language'
import { Button } from './Button'
import { Copyable } from './Copy'
import { Icon } from './Icon'

/** Where something will be: as high as it will be, so that nothing jumps. */
export function Skeleton({ rows = 3 }: { rows?: number }) {
  const { t } = useSpeech()
  return (
    <div className="skeleton" role="status" aria-label={t('Loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  )
}

/** Why there is nothing, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** What went wrong, in the API's own words, with the id under which its log has it. */
export function Problem({ error, retry }: { error: Error; retry?: (() => unknown) | undefined }) {
  const { t } = useSpeech()
  const isAway = error instanceof Unreachable
  return (
    <div className="problem" role="alert">
      <Icon name="warning" />
      <div>
        <p>{isAway ? t('The engine does not answer.') : error.message}</p>
        {error instanceof ApiError && error.requestId && (
          <p className="note">
            {t('Request')} <Copyable text={error.requestId} />
          </p>
        )}
      </div>
      {retry && (
        <Button small icon="retry" onClick={() => void retry()}>
          {t('Try again')}
        </Button>
      )}
    </div>
  )
}

interface Asked<T> {
  readonly data: T | undefined
  readonly error: Error | null
  readonly refetch: () => unknown
}

/** The answer when it is there; until then its place; or why it is not. */
export function Ask<T>(props: { of: Asked<T>; rows?: number; children: (data: T) => ReactNode }) {
  const { data, error, refetch } = props.of
  if (data !== undefined) return <>{props.children(data)}</>
  if (error) return <Problem error={error} retry={refetch} />
  return <Skeleton {...(props.rows && { rows: props.rows })} />
}
