"""`time.*` but the provider: is a guest's clock right, alone, and will it stay so?"""
