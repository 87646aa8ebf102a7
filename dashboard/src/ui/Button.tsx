import type { ComponentProps, ReactNode } from 'react'
import { Link } from 'wouter'
import { Icon, type IconName } from './Icon'

type Kind = 'plain' | 'primary' | 'danger' | 'quiet'

interface Look {
  readonly kind?: Kind
  readonly icon?: IconName
  readonly small?: boolean
  readonly children?: ReactNode
}

function classes(kind: Kind, small: boolean): string {
  return `button ${kind}${small ? ' small' : ''}`
}

type ButtonProps = Look & Omit<ComponentProps<'button'>, 'className'> & { busy?: boolean }

export function Button({
  kind = 'plain',
  icon,
  small = false,
  busy = false,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={classes(kind, small)}
      aria-busy={busy}
      disabled={busy || rest.disabled}
    >
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  )
}

export function ButtonLink({
  kind = 'plain',
  icon,
  small = false,
  href,
  children,
}: Look & { href: string }) {
  return (
    <Link href={href} className={classes(kind, small)}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </Link>
  )
}
