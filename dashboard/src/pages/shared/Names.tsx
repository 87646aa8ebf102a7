import { Link } from 'wouter'
import { useGet } from '@/api/queries'

/** A customer's name, or its id until that is known. */
export function CustomerName({ id, name }: { id: string; name?: string | null | undefined }) {
  const isKnown = name !== undefined
  const customer = useGet('/v1/customers/{id}', { id }, {}, { enabled: !isKnown })
  return <>{(isKnown ? name : customer.data?.name) || id}</>
}

export function CustomerLink({ id, name }: { id: string; name?: string | null | undefined }) {
  return (
    <Link href={`/customers/${id}`}>
      <CustomerName id={id} name={name} />
    </Link>
  )
}

export function MeterLink({ id }: { id: string }) {
  const meter = useGet('/v1/billing/meters/{id}', { id })
  return <Link href={`/meters/${id}`}>{meter.data?.display_name ?? id}</Link>
}

export function ProductName({ id }: { id: string }) {
  const product = useGet('/v1/products/{id}', { id })
  return <>{product.data?.name ?? id}</>
}
