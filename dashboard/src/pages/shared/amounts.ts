import { ApiError } from '@/api/error'
import { toMinor } from '@/lib/money'

/**
 * A request whose amount was typed in the currency's unit, as the API takes it: in minor units. What is
 * no amount of the currency is refused at its field, as the API would.
 */
export function withMinorUnits(
  params: URLSearchParams,
  name: string,
  currency: string,
  refusal: string,
): URLSearchParams {
  const typed = params.get(name)
  if (typed === null) return params
  const minor = toMinor(typed, currency.toLowerCase())
  if (minor === null) throw new ApiError(400, refusal, null, name, null)
  const whole = new URLSearchParams(params)
  whole.set(name, minor)
  return whole
}
