using Metering.Gateway.Admission;

namespace Metering.Gateway.Tests;

/// <summary>Admits everything.</summary>
internal sealed class OpenAdmission : IAdmission
{
    public string? NotReady => null;

    public ValueTask<AdmissionResult> AdmitAsync(in AdmissionRequest request, CancellationToken cancellationToken) =>
        ValueTask.FromResult(AdmissionResult.Admitted(new OpenPermit(request.ArrivedAtMicros)));

    private sealed class OpenPermit(long admittedAtMicros) : Permit
    {
        public override string? LeaseId => null;

        public override long AdmittedAtMicros => admittedAtMicros;

        public override void Settle(in ActualUsage usage)
        {
            // Nothing was reserved.
        }
    }
}
