namespace Metering.Schemas;

/// <summary>A schema that cannot be read or that has no counterpart in C#; becomes the build error METER001.</summary>
internal sealed class SchemaException : Exception
{
    public SchemaException(string message)
        : base(message)
    {
    }
}
