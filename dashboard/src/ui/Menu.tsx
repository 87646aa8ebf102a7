import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Icon, type IconName } from './Icon'

export interface Choice {
  readonly label: ReactNode
  readonly icon?: IconName
  readonly isChosen?: boolean
  readonly isDanger?: boolean
  readonly disabled?: boolean
  run(): void
}

interface MenuProps {
  /** What the menu is called by those who do not see it. */
  readonly label: string
  /** What is on the button. A text is a sign only, and read out as the label. */
  readonly button: ReactNode
  readonly className?: string
  readonly choices: readonly (Choice | null | false)[]
}

const GAP = 4

/** A button that opens a list of things to do; arrows move in it, Escape closes it. */
export function Menu({ label, button, className = 'button plain', choices }: MenuProps) {
  const id = useId()
  const opener = useRef<HTMLButtonElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const [isOpen, setOpen] = useState(false)
  const shown = choices.filter((choice): choice is Choice => Boolean(choice))

  const settle = (): void => {
    if (!opener.current || !list.current) return
    const at = opener.current.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = list.current
    const isBelow = at.bottom + GAP + height < innerHeight
    list.current.style.top = `${Math.max(GAP, isBelow ? at.bottom + GAP : at.top - GAP - height)}px`
    const left = at.left + width + GAP < innerWidth ? at.left : at.right - width
    list.current.style.left = `${Math.max(GAP, left)}px`
    items(list.current)[0]?.focus()
  }

  return (
    <>
      <button
        ref={opener}
        type="button"
        className={className}
        popoverTarget={id}
        {...(typeof button === 'string' && { 'aria-label': label })}
        aria-haspopup="menu"
        aria-expanded={isOpen}
      >
        {button}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        className="menu"
        onToggle={(event) => {
          setOpen(event.newState === 'open')
          if (event.newState === 'open') settle()
        }}
        onKeyDown={move}
      >
        {shown.map((choice, at) => (
          <button
            key={at}
            type="button"
            role="menuitem"
            tabIndex={-1}
            className={choice.isDanger ? 'danger' : ''}
            disabled={choice.disabled}
            onClick={() => {
              list.current?.hidePopover()
              choice.run()
            }}
          >
            {choice.icon && <Icon name={choice.icon} />}
            <span>{choice.label}</span>
            {choice.isChosen && <Icon name="check" />}
          </button>
        ))}
      </div>
    </>
  )
}

function items(list: HTMLElement): HTMLButtonElement[] {
  return [...list.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')]
}

function move(event: KeyboardEvent<HTMLDivElement>): void {
  const all = items(event.currentTarget)
  const at = all.indexOf(document.activeElement as HTMLButtonElement)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
  if (to === undefined) return
  event.preventDefault()
  all.at(to % all.length)?.focus()
}
