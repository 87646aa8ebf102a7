import { useState } from 'react'
import { encodeForm } from '@/api/form'
import type { Endpoint } from '@/api/objects'
import { Checkbox, Field, Form } from '@/ui/Form'
import { useSpeech } from '@/words/language'
import { EVENT_TYPES } from './types'

interface EndpointFormProps {
  readonly endpoint?: Endpoint
  readonly error: Error | null
  readonly busy: boolean
  readonly submit: string
  readonly cancel: () => void
  readonly send: (params: URLSearchParams) => void
}

/** Where events go, and which. */
export function EndpointForm({ endpoint, error, busy, submit, cancel, send }: EndpointFormProps) {
  const { t } = useSpeech()
  const enabled = endpoint?.enabled_events ?? ['billing.alert.triggered']
  const [isAll, setAll] = useState(enabled.includes('*'))
  const listed = EVENT_TYPES.flat()
  const others = enabled.filter((type) => type !== '*' && !listed.includes(type))

  const collect = (params: URLSearchParams): URLSearchParams => {
    const types = isAll ? ['*'] : [...params.getAll('type'), ...others]
    return encodeForm({
      url: params.get('url') ?? '',
      description: params.get('description') ?? (endpoint ? '' : undefined),
      enabled_events: types,
    })
  }
  return (
    <Form
      error={error}
      busy={busy}
      submit={submit}
      cancel={cancel}
      send={(params) => send(collect(params))}
    >
      <Field
        name="url"
        type="url"
        label={t('Address')}
        placeholder="https://example.com/hook"
        defaultValue={endpoint?.url}
        autoFocus
      />
      <Field
        name="description"
        label={t('Description')}
        defaultValue={endpoint?.description ?? ''}
      />
      <fieldset className="types">
        <legend>{t('Events')}</legend>
        <Checkbox
          label={t('All of them')}
          checked={isAll}
          onChange={(event) => setAll(event.target.checked)}
        />
        {!isAll &&
          EVENT_TYPES.map((group) => (
            <div key={group[0]} className="types-group">
              {group.map((type) => (
                <Checkbox
                  key={type}
                  name="type"
                  value={type}
                  label={<code>{type}</code>}
                  defaultChecked={enabled.includes(type)}
                />
              ))}
            </div>
          ))}
        {!isAll && others.length > 0 && (
          <p className="hint">{t('And {types}', { types: others.join(', ') })}</p>
        )}
      </fieldset>
    </Form>
  )
}
