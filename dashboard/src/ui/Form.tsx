import {
  createContext,
  useContext,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type ComponentProps,
  type FormEvent,
  type ReactNode,
} from 'react'
import { ApiError } from '@/api/error'
import { formParams } from '@/api/form'
import { useSpeech } from '@/words/language'
import { Button } from './Button'
import { Problem } from './State'

const RefusalContext = createContext<Error | null>(null)

interface FormProps {
  /** Why the last attempt was refused. What names a field is shown there, the rest at the end. */
  readonly error: Error | null
  readonly busy: boolean
  readonly submit: string
  readonly danger?: boolean
  readonly cancel?: (() => void) | undefined
  /** Takes the fields by their names, which are the names of the API's parameters. */
  readonly send: (params: URLSearchParams) => void
  readonly watch?: (params: URLSearchParams) => void
  readonly children?: ReactNode
}

/** A form is a request: its fields bear the names of the API's parameters, and so do its errors. */
export function Form({
  error,
  busy,
  submit,
  danger = false,
  cancel,
  send,
  watch,
  children,
}: FormProps) {
  const { t } = useSpeech()
  const ref = useRef<HTMLFormElement>(null)
  const [isPlaced, setPlaced] = useState(false)
  // Before it is painted: what has a field is not shown at the end as well, not for a moment.
  useLayoutEffect(() => {
    const field = fieldOf(ref.current, error)
    setPlaced(field !== null)
    field?.focus()
  }, [error])
  const onSubmit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    send(formParams(event.currentTarget))
  }
  return (
    <RefusalContext value={error}>
      <form
        ref={ref}
        className="form"
        noValidate
        onSubmit={onSubmit}
        onInput={(event) => watch?.(formParams(event.currentTarget))}
      >
        {children}
        {error && !isPlaced && <Problem error={error} />}
        <div className="form-end">
          {cancel && <Button onClick={cancel}>{t('Cancel')}</Button>}
          <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
            {submit}
          </Button>
        </div>
      </form>
    </RefusalContext>
  )
}

function fieldOf(form: HTMLFormElement | null, error: Error | null): HTMLElement | null {
  if (!(error instanceof ApiError) || error.param === null) return null
  const found = form?.elements.namedItem(error.param)
  return found instanceof HTMLElement ? found : null
}

/** The API's message about a field. */
function useRefusal(name: string): string | null {
  const error = useContext(RefusalContext)
  return error instanceof ApiError && error.param === name ? error.message : null
}

interface Labelled {
  readonly label: string
  readonly hint?: ReactNode
  readonly name: string
}

function Frame({
  label,
  hint,
  name,
  id,
  children,
}: Labelled & { id: string; children: ReactNode }) {
  const refusal = useRefusal(name)
  return (
    <div className={`field${refusal ? ' refused' : ''}`}>
      <label htmlFor={id}>{label}</label>
      {children}
      {refusal && (
        <p className="refusal" id={`${id}-why`} role="alert">
          {refusal}
        </p>
      )}
      {hint && !refusal && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

function useDescription({ name, hint }: Labelled, id: string) {
  const refusal = useRefusal(name)
  return {
    'aria-invalid': refusal !== null,
    ...(refusal
      ? { 'aria-describedby': `${id}-why` }
      : hint
        ? { 'aria-describedby': `${id}-hint` }
        : {}),
  }
}

/** A line of text. */
export function Field({ label, hint, ...input }: Labelled & Omit<ComponentProps<'input'>, 'name'>) {
  const id = useId()
  const frame = { label, hint, name: input.name }
  const description = useDescription(frame, id)
  return (
    <Frame {...frame} id={id}>
      <input id={id} autoComplete="off" spellCheck={false} {...input} {...description} />
    </Frame>
  )
}

/** One of some. */
export function Select({
  label,
  hint,
  children,
  ...select
}: Labelled & Omit<ComponentProps<'select'>, 'name'>) {
  const id = useId()
  const frame = { label, hint, name: select.name }
  const description = useDescription(frame, id)
  return (
    <Frame {...frame} id={id}>
      <select id={id} {...select} {...description}>
        {children}
      </select>
    </Frame>
  )
}

/** Yes or no. */
export function Checkbox({
  label,
  ...input
}: { label: ReactNode } & Omit<ComponentProps<'input'>, 'type'>) {
  return (
    <label className="checkbox">
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  )
}
