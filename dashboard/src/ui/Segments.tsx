import { useId } from 'react'

interface SegmentsProps<T extends string> {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly choose: (value: T) => void
}

/** One of a few, all in view. It is no field: a form around it does not send it. */
export function Segments<T extends string>({ label, value, options, choose }: SegmentsProps<T>) {
  const name = useId()
  return (
    <fieldset className="segments">
      <legend className="hidden">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input
            type="radio"
            form=""
            name={name}
            checked={option === value}
            onChange={() => choose(option)}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  )
}
