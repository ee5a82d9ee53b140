using System.Collections.Concurrent;
using Metering.Gateway.Admission;
using Metering.Gateway.Requests;

namespace Metering.Gateway.Tests.Admission;

/// <summary>Admits or refuses as a test says, and keeps what was asked and settled.</summary>
internal sealed class ScriptedAdmission : IAdmission
{
    public string? NotReady => null;

    /// <summary>Null admits.</summary>
    public Refusal? Refusal { get; set; }

    public string? LeaseId { get; set; }

    public long? MaxOutputTokens { get; set; }

    public long Allowance { get; set; } = long.MaxValue;

    public RateLimitFigures? Limits { get; set; }

    public ConcurrentQueue<(PromptBound Prompt, int Choices, long? Max, string Model, string Provider)> Asked { get; } = new();

    public ConcurrentQueue<ActualUsage> Settled { get; } = new();

    public ValueTask<AdmissionResult> AdmitAsync(in AdmissionRequest request, CancellationToken cancellationToken)
    {
        Asked.Enqueue((request.Prompt, request.Choices, request.MaxOutputTokens, request.Model, request.Provider));
        return ValueTask.FromResult(Refusal is null ? AdmissionResult.Admitted(new ScriptedPermit(this, request.ArrivedAtMicros)) : AdmissionResult.Refused(Refusal));
    }

    private sealed class ScriptedPermit(ScriptedAdmission admission, long admittedAtMicros) : Permit
    {
        public override string? LeaseId => admission.LeaseId;

        public override long AdmittedAtMicros => admittedAtMicros;

        public override long? MaxOutputTokens => admission.MaxOutputTokens;

        public override long OutputAllowance => admission.Allowance;

        public override RateLimitFigures? Limits => admission.Limits;

        public override void Settle(in ActualUsage usage) => admission.Settled.Enqueue(usage);
    }
}
